import { type EventFilter, type EventRecord, eventErrors, type LiveEvents } from '#kernel/event.ts';

/** What one reader may leave unread. */
const MOST_UNREAD = 1000;

const isWanted = ({ names, aggregate }: EventFilter, event: EventRecord): boolean =>
  (names?.includes(event.name) ?? true) &&
  (aggregate === undefined ||
    (aggregate.type === event.aggregate.type && aggregate.id === event.aggregate.id));

type End = 'open' | 'closed' | 'missed';

/** What a reader has not read yet, up to a bound. */
const createQueue = () => {
  const unread: EventRecord[] = [];
  let end: End = 'open';
  let wake: (() => void) | undefined;
  const endAs = (how: End): void => {
    if (end === 'open') end = how;
    wake?.();
  };
  return {
    push(event: EventRecord): void {
      if (unread.length >= MOST_UNREAD) return endAs('missed');
      unread.push(event);
      wake?.();
    },
    endAs,
    async *read(): AsyncGenerator<EventRecord, void> {
      for (;;) {
        if (end === 'missed') throw eventErrors.missed();
        if (end === 'closed') return;
        const event = unread.shift();
        if (event) yield event;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
};

/** Hands the events of this process's source to those who subscribed. */
export const createLiveHub = () => {
  type Reader = { filter: EventFilter; queue: ReturnType<typeof createQueue> };
  const readers = new Set<Reader>();
  const each = (act: (reader: Reader) => void): void => {
    for (const reader of readers) act(reader);
  };

  const subscribe: LiveEvents['subscribe'] = (filter, signal) => {
    const reader = { filter, queue: createQueue() };
    const leave = (): void => {
      readers.delete(reader);
      reader.queue.endAs('closed');
    };
    if (signal.aborted) leave();
    else readers.add(reader);
    signal.addEventListener('abort', leave, { once: true });
    return {
      async *[Symbol.asyncIterator]() {
        try {
          yield* reader.queue.read();
        } finally {
          signal.removeEventListener('abort', leave);
          leave();
        }
      },
    };
  };

  return {
    events: { subscribe } satisfies LiveEvents,
    hasReaders: (): boolean => readers.size > 0,
    publish: (event: EventRecord): void =>
      each(({ filter, queue }) => {
        if (isWanted(filter, event)) queue.push(event);
      }),
    /** Something may have been missed: whoever reads has to begin anew. */
    interrupt: (): void => each(({ queue }) => queue.endAs('missed')),
    close: (): void => each(({ queue }) => queue.endAs('closed')),
  };
};

export type LiveHub = ReturnType<typeof createLiveHub>;
