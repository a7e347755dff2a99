import { withDeadline } from '#kernel/deadline.ts';
import { DomainError, sharedErrors } from '#kernel/errors.ts';
import type { Kept, MessageKeeper, Outgoing } from './chat.ports.ts';

type Waiting = {
  outgoing: Outgoing;
  /** Of whoever waits for the answer. */
  until: number;
  resolve: (kept: Kept) => void;
  reject: (fault: unknown) => void;
};

type Settings = { keeper: MessageKeeper; most: number; timeout_ms: number; now: () => Date };

/** Those whose senders still wait; the others are told that their time is over, and nothing was kept. */
const inTime = (group: readonly Waiting[]): Waiting[] => {
  const time = performance.now();
  for (const { until, reject } of group)
    if (until < time) reject(sharedErrors.unavailable({ retry_after_seconds: 1 }));
  return group.filter(({ until }) => until >= time);
};

/**
 * Keeps the messages that come while others are being kept together, in one transaction: under load a process
 * commits few times for many messages. They keep the order in which they came, and each is answered after its
 * commit. When a group cannot be kept, each of it is tried alone, so that none fails for another.
 */
export const createSendQueue = ({ keeper, most, timeout_ms, now }: Settings) => {
  const waiting: Waiting[] = [];
  let running = false;

  /** The deadline is the group's own, not that of the request which happened to begin it. */
  const keepMany = (outgoing: readonly Outgoing[]): Promise<Kept[]> =>
    withDeadline(timeout_ms, () => keeper.keepMany(outgoing, now()));

  const keepAlone = async ({ outgoing, resolve, reject }: Waiting): Promise<void> => {
    try {
      const [kept] = await keepMany([outgoing]);
      if (kept) resolve(kept);
      else reject(new Error('A message was neither kept nor refused'));
    } catch (fault) {
      reject(fault);
    }
  };

  const keepTogether = async (group: readonly Waiting[]): Promise<void> => {
    const [first, second] = group;
    if (!first) return;
    if (!second) return keepAlone(first);
    try {
      const kept = await keepMany(group.map(({ outgoing }) => outgoing));
      for (const [index, { resolve }] of group.entries()) resolve(kept[index] as Kept);
    } catch (fault) {
      if (fault instanceof DomainError) for (const { reject } of group) reject(fault);
      else for (const each of group) await keepAlone(each);
    }
  };

  const run = async (): Promise<void> => {
    running = true;
    while (waiting.length > 0) await keepTogether(inTime(waiting.splice(0, most)));
    running = false;
  };

  return {
    keep: (outgoing: Outgoing): Promise<Kept> =>
      new Promise((resolve, reject) => {
        const until = performance.now() + timeout_ms;
        waiting.push({ outgoing, until, resolve, reject });
        if (!running) void run();
      }),
  };
};

export type SendQueue = ReturnType<typeof createSendQueue>;
