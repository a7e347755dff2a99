import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setPriority } from 'node:os';
import { Readable } from 'node:stream';
import { usageOf } from './usage.ts';

export type ChildLimits = {
  cpu_seconds: number;
  wall_seconds: number;
  rss_bytes: number;
  /** Of each output. */
  output_bytes: number;
};

export type Command = { program: string; args: readonly string[] };

type Run = Command & {
  limits: ChildLimits;
  signal: AbortSignal;
  /** Reads descriptor 1 at its own pace; then `output` stays empty, and how much it is has no bound. */
  consume?: ((output: AsyncIterable<Uint8Array>) => Promise<void>) | undefined;
};

export type Breach = 'cpu' | 'wall' | 'memory' | 'output';
export type Ending = {
  /** The limit it was killed for. */
  breach: Breach | undefined;
  exit_code: number | null;
  output: Buffer;
  /** What it wrote to descriptor 3. */
  attachment: Buffer;
  errors: Buffer;
};

const checkEvery_ms = 50;
const niceness = 10;
const prlimit = '/usr/bin/prlimit';

/**
 * Runs a program on hostile input in a process group of its own: nothing of our environment, below
 * our own priority, and killed at its limits. Where there is no /proc only the wall clock
 * holds. Fails with the signal's reason, or when it cannot start.
 */
export const runLimited = async (run: Run): Promise<Ending> => {
  const { limits, signal, consume } = run;
  signal.throwIfAborted();
  const child = start(run);
  const watchdog = watch(child, limits);
  const abort = () => end(child);
  signal.addEventListener('abort', abort, { once: true });
  const read = (descriptor: number) =>
    collect(child.stdio[descriptor], limits.output_bytes, () => watchdog.kill('output'));
  const consumed = consume && child.stdout ? consume(child.stdout) : undefined;
  const [output, errors, attachment] = [consumed ? [] : read(1), read(2), read(3)] as const;
  try {
    await Promise.all([once(child, 'close'), consumed]);
    signal.throwIfAborted();
    return {
      breach: watchdog.breach(),
      exit_code: child.exitCode,
      output: Buffer.concat(output),
      errors: Buffer.concat(errors),
      attachment: Buffer.concat(attachment),
    };
  } finally {
    end(child);
    watchdog.stop();
    signal.removeEventListener('abort', abort);
  }
};

/** A script of ours that may read files: no writing, no children, no worker threads, a bounded heap. */
export const ownScript = (
  script: string,
  args: readonly string[],
  { rss_bytes }: Pick<ChildLimits, 'rss_bytes'>,
): Command => ({
  program: process.execPath,
  args: [
    '--permission',
    '--allow-fs-read=*',
    '--disable-warning=ExperimentalWarning',
    `--max-old-space-size=${Math.floor(rss_bytes / 2 ** 21)}`,
    script,
    ...args,
  ],
});

const start = ({ program, args, limits }: Run): ChildProcess => {
  const [file, ...flags] = [...kernelLimit(limits), program, ...args] as [string, ...string[]];
  const child = spawn(file, flags, {
    env: {},
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
  if (child.pid !== undefined) setPriority(child.pid, niceness);
  return child;
};

/** A little above ours, it also ends a child whose parent has died. */
const kernelLimit = ({ cpu_seconds }: ChildLimits): string[] =>
  existsSync(prlimit) ? [prlimit, `--cpu=${Math.ceil(cpu_seconds) + 5}`, '--core=0', '--'] : [];

/** With all that it has started. */
const end = ({ pid, exitCode, signalCode }: ChildProcess): void => {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
};

const watch = (child: ChildProcess, limits: ChildLimits) => {
  const started_ms = performance.now();
  let breach: Breach | undefined;
  const kill = (reason: Breach) => {
    breach ??= reason;
    end(child);
  };
  const check = () => {
    const exceeded = exceededBy(child, performance.now() - started_ms, limits);
    if (exceeded) kill(exceeded);
  };
  const timer = setInterval(check, checkEvery_ms);
  return { kill, breach: () => breach, stop: () => clearInterval(timer) };
};

const exceededBy = (
  { pid, exitCode, signalCode }: ChildProcess,
  age_ms: number,
  limits: ChildLimits,
): Breach | undefined => {
  if (pid === undefined || exitCode !== null || signalCode !== null) return undefined;
  if (age_ms > limits.wall_seconds * 1000) return 'wall';
  const usage = usageOf(pid);
  if (!usage) return undefined;
  if (usage.cpu_seconds > limits.cpu_seconds) return 'cpu';
  return usage.rss_bytes > limits.rss_bytes ? 'memory' : undefined;
};

/** What the stream has sent so far; more than `max_bytes` is not kept and told once. */
const collect = (stream: unknown, max_bytes: number, tooMuch: () => void): Buffer[] => {
  const chunks: Buffer[] = [];
  let size = 0;
  if (stream instanceof Readable) {
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > max_bytes) tooMuch();
      else chunks.push(chunk);
    });
  }
  return chunks;
};
