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

/** Events that came before the ones before them. */
const createEarly = () => {
  const early = new Map<number, RoomEvent>();
  return {
    isEmpty: (): boolean => early.size === 0,
    put: (event: RoomEvent): void => void early.set(event.seq, event),
    take(seq: number): RoomEvent | undefined {
      const event = early.get(seq);
      early.delete(seq);
      return event;
    },
    forget(up_to: number): void {
      for (const seq of early.keys()) if (seq <= up_to) early.delete(seq);
    },
  };
};

/**
 * Puts the events of a room in order, whichever way and however late they come: each is delivered once, after
 * the one before it. What does not come by itself is read.
 */
export const createRoomChannel = ({ seq: start, deliver, read, failed }: Settings) => {
  const early = createEarly();
  let seq = start;
  let reading: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  /** With those behind it that were early. */
  const advance = (event: RoomEvent): void => {
    for (let next: RoomEvent | undefined = event; next; next = early.take(seq + 1)) {
      seq = next.seq;
      deliver(next);
    }
  };

  const readOn = async (): Promise<void> => {
    for (const event of await read(seq)) if (event.seq === seq + 1) advance(event);
    early.forget(seq);
  };
  const fill = (): Promise<void> => {
    reading ??= readOn()
      .catch(failed)
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };

  const lookLater = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      if (!early.isEmpty()) void fill().then(() => early.isEmpty() || lookLater());
    }, PATIENCE_MS);
    timer.unref();
  };

  /** The room is known to have come so far: what is missing is read. */
  const reach = async (last_seq: number): Promise<void> => {
    const before = seq;
    if (before >= last_seq) return;
    await fill();
    if (seq > before) await reach(last_seq);
  };

  return {
    seq: () => seq,
    reach,
    accept(event: RoomEvent): void {
      if (event.seq === seq + 1) advance(event);
      else if (event.seq > seq) early.put(event);
      if (!early.isEmpty()) lookLater();
    },
    close: () => clearTimeout(timer),
  };
};

export type RoomChannel = ReturnType<typeof createRoomChannel>;
