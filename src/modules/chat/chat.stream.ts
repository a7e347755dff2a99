import type { Member } from '#kernel/actor.ts';
import { sharedErrors } from '#kernel/errors.ts';
import { tooSlow } from '#kernel/read-ahead.ts';
import type { Live } from './chat.live.ts';
import type { Told, Wanted } from './chat.subscriptions.ts';

/** About a megabyte of messages. */
const MOST_WAITING = 2000;
const LOOK_MS = 500;

type Item = { told: Told; id: string };

/** Events that wait to be read, and why there are no more. */
const createMailbox = () => {
  const waiting: Item[] = [];
  let ended: { fault?: unknown } | undefined;
  let wake: (() => void) | undefined;
  return {
    waiting,
    ended: () => ended,
    put(item: Item): void {
      if (waiting.length < MOST_WAITING) waiting.push(item);
      else ended ??= { fault: tooSlow() };
      wake?.();
    },
    end(reason: { fault?: unknown }): void {
      ended ??= reason;
      wake?.();
    },
    more: (): Promise<void> =>
      new Promise((resolve) => {
        if (waiting.length > 0 || ended) return resolve();
        wake = resolve;
      }),
  };
};

type Mailbox = ReturnType<typeof createMailbox>;

type Parts = {
  live: Live;
  /** Whether the session behind an actor goes on. */
  isSignedIn: (actor: Member) => Promise<boolean>;
};

/** A stream outlives its access token, but not its session: it ends within a second of it. */
const watchSession = ({ isSignedIn }: Parts, actor: Member, mailbox: Mailbox): (() => void) => {
  const look = async (): Promise<void> => {
    if (!(await isSignedIn(actor)))
      mailbox.end({ fault: sharedErrors.unauthenticated({ message: 'The session has ended' }) });
  };
  // A database that does not answer says nothing of the session.
  const timer = setInterval(() => void look().catch(() => undefined), LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
};

async function* read(mailbox: Mailbox): AsyncGenerator<Item> {
  for (;;) {
    for (let item = mailbox.waiting.shift(); item; item = mailbox.waiting.shift()) yield item;
    const ended = mailbox.ended();
    if (ended?.fault) throw ended.fault;
    if (ended) return;
    await mailbox.more();
  }
}

/**
 * What happens in rooms, as it happens, until `signal` aborts, the session ends or the process stops. A reader
 * that does not keep up is ended, and can go on from its last event.
 */
export const streamEvents = (parts: Parts) => {
  const open = new Set<Mailbox>();
  return {
    async *events(actor: Member, wanted: Wanted, signal?: AbortSignal): AsyncGenerator<Item> {
      const mailbox = createMailbox();
      open.add(mailbox);
      signal?.addEventListener('abort', () => mailbox.end({}), { once: true });
      const unwatch = watchSession(parts, actor, mailbox);
      try {
        const { end } = await parts.live.subscribe(actor, wanted, (told, id) =>
          mailbox.put({ told, id }),
        );
        try {
          yield* read(mailbox);
        } finally {
          end();
        }
      } finally {
        unwatch();
        open.delete(mailbox);
      }
    },
    /** Readers are told that there is no more here: they go on elsewhere. */
    endAll(): void {
      for (const mailbox of open) mailbox.end({});
    },
    count: (): number => open.size,
  };
};

export type Streams = ReturnType<typeof streamEvents>;
