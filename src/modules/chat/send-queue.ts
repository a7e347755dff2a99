import type { Kept, MessageKeeper, Outgoing } from './chat.ports.ts';

type Waiting = {
  outgoing: Outgoing;
  resolve: (kept: Kept) => void;
  reject: (fault: unknown) => void;
};

type Settings = { keeper: MessageKeeper; most: number; now: () => Date };

/**
 * Keeps the messages that come while others are being kept together, in one transaction: under load a process
 * commits few times for many messages. They keep the order in which they came, and each is answered after its
 * commit. When a group cannot be kept, each of it is tried alone, so that none fails for another.
 */
export const createSendQueue = ({ keeper, most, now }: Settings) => {
  const waiting: Waiting[] = [];
  let running = false;

  const keepAlone = async ({ outgoing, resolve, reject }: Waiting): Promise<void> => {
    try {
      const [kept] = await keeper.keepMany([outgoing], now());
      if (kept) resolve(kept);
      else reject(new Error('A message was neither kept nor refused'));
    } catch (fault) {
      reject(fault);
    }
  };

  const keepTogether = async (group: readonly Waiting[]): Promise<void> => {
    const [first] = group;
    if (first && group.length === 1) return keepAlone(first);
    try {
      const kept = await keeper.keepMany(
        group.map(({ outgoing }) => outgoing),
        now(),
      );
      for (const [index, { resolve }] of group.entries()) resolve(kept[index] as Kept);
    } catch {
      for (const each of group) await keepAlone(each);
    }
  };

  const run = async (): Promise<void> => {
    running = true;
    while (waiting.length > 0) await keepTogether(waiting.splice(0, most));
    running = false;
  };

  return {
    keep: (outgoing: Outgoing): Promise<Kept> =>
      new Promise((resolve, reject) => {
        waiting.push({ outgoing, resolve, reject });
        if (!running) void run();
      }),
  };
};

export type SendQueue = ReturnType<typeof createSendQueue>;
