import { Piscina } from 'piscina';
import { remainingMs } from '#kernel/deadline.ts';
import { sharedErrors } from '#kernel/errors.ts';

export interface Passwords {
  hash(password: string): Promise<string>;
  /** Against no hash at all it takes as long and answers false, so that unknown accounts cannot be told apart. */
  matches(password: string, hash: string | undefined): Promise<boolean>;
  /** Whether the hash was made with weaker parameters than today's. */
  isOutdated(hash: string): boolean;
  close(): Promise<void>;
}

type Task = { password: string; hash?: string };

/** OWASP Password Storage: argon2id, 19 MiB, t=2, p=1. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const current = `m=${parameters.memoryCost},t=${parameters.timeCost},p=${parameters.parallelism}`;

/** Of a random password that nobody knows. */
const nobodys =
  '$argon2id$v=19$m=19456,t=2,p=1$8EIk0pGjRPaAmfxW2sLQ9Q$qm/S7w+xXkao2vPZMbGpkSc9pb2vu6YVJM4zLLKbrBk';

const MOST_WAITING = 50;
const LONGEST_MS = 5000;

/** Hashes on a thread of its own, with a bounded queue: a flood of sign-ins slows neither reads nor streams. */
export const createPasswords = (): Passwords => {
  const threads = new Piscina<Task & { parameters: typeof parameters }, string | boolean>({
    filename: new URL('./passwords.worker.ts', import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    maxQueue: MOST_WAITING,
  });

  const run = async (task: Task): Promise<string | boolean> => {
    const signal = AbortSignal.timeout(Math.max(1, remainingMs(LONGEST_MS)));
    try {
      return await threads.run({ ...task, parameters }, { name: 'work', signal });
    } catch (cause) {
      throw sharedErrors.unavailable({ retry_after_seconds: 2, cause });
    }
  };

  return {
    hash: async (password) => String(await run({ password })),
    matches: async (password, hash) =>
      (await run({ password, hash: hash ?? nobodys })) === true && hash !== undefined,
    isOutdated: (hash) => !hash.includes(`$${current}$`),
    close: () => threads.destroy(),
  };
};
