import type { RoomEvent } from './chat-event.ts';

type Settings = {
  /** Events up to and with this one were delivered, or need not be. */
  seq: number;
  deliver: (event: RoomEvent) => void;
  /** Events behind a place, in order, as many as there are to a bound. */
  read: (after: number) => Promise<RoomEvent[]>;
  failed: (fault: unknown) => void;
};

/** So long an event that is missing may still be on its way; then it is looked for. */
const PATIENCE_MS = 20;

/**
 * Puts the events of a room in order, whichever way and however late they come: each is delivered once, after
 * the one before it. What does not come by itself is read.
 */
export const createRoomChannel = ({ seq: start, deliver, read, failed }: Settings) => {
  const early = new Map<number, RoomEvent>();
  let seq = start;
  let reading: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const advance = (event: RoomEvent): void => {
    seq = event.seq;
    deliver(event);
  };

  const drain = (): void => {
    for (let next = early.get(seq + 1); next; next = early.get(seq + 1)) {
      early.delete(next.seq);
      advance(next);
    }
  };

  const fill = (): Promise<void> => {
    reading ??= (async () => {
      for (const event of await read(seq)) if (event.seq === seq + 1) advance(event);
      for (const late of early.keys()) if (late <= seq) early.delete(late);
      drain();
    })()
      .catch(failed)
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };

  const wait = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      if (early.size > 0) void fill().then(() => early.size > 0 && wait());
    }, PATIENCE_MS);
    timer.unref();
  };

  return {
    seq: () => seq,
    accept(event: RoomEvent): void {
      if (event.seq <= seq) return;
      if (event.seq > seq + 1) early.set(event.seq, event);
      else {
        advance(event);
        drain();
      }
      if (early.size > 0) wait();
    },
    /** The room is known to have come so far: what is missing is read. */
    async reach(last_seq: number): Promise<void> {
      for (let before = -1; seq < last_seq && seq > before;) {
        before = seq;
        await fill();
      }
    },
    close: () => clearTimeout(timer),
  };
};

export type RoomChannel = ReturnType<typeof createRoomChannel>;
