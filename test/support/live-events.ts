import { randomUUID } from 'node:crypto';
import { EventEmitter, on } from 'node:events';
import type { EventRecord, LiveEvents } from '#kernel/event.ts';

type Told = Pick<EventRecord, 'name'> & { track_id: number; payload?: Record<string, unknown> };

/** Facts that a test tells, in memory, and who hears them. */
export const createLiveEvents = () => {
  const told = new EventEmitter();
  told.setMaxListeners(0);

  async function* listening(
    heard: AsyncIterable<unknown[]>,
    { names, aggregate }: Parameters<LiveEvents['subscribe']>[0],
  ): AsyncGenerator<EventRecord> {
    try {
      for await (const [event] of heard as AsyncIterable<[EventRecord]>) {
        const isNamed = names === undefined || names.length === 0 || names.includes(event.name);
        if (isNamed && (!aggregate || aggregate.id === event.aggregate.id)) yield event;
      }
    } catch (fault) {
      if (!(fault instanceof Error && fault.name === 'AbortError')) throw fault;
    }
  }

  const live: LiveEvents = {
    subscribe: (filter, signal) => listening(on(told, 'event', { signal }), filter),
  };
  return {
    live,
    listeners: () => told.listenerCount('event'),
    tell({ name, track_id, payload = {} }: Told): EventRecord {
      const event = {
        id: randomUUID(),
        name,
        version: 1,
        aggregate: { type: 'track', id: track_id },
        occurred_at: new Date().toISOString(),
        request_id: 'req_test',
        payload: { track_id, user_id: 1, ...payload },
      };
      told.emit('event', event);
      return event;
    },
  };
};
