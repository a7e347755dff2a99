import { randomUUID } from 'node:crypto';
import type { EventRecord, Fact } from '#kernel/event.ts';
import type { EventConsumer } from '#platform/events/consumer.ts';
import type { EventMessages } from '#platform/events/envelope.ts';
import { expect } from 'vitest';
import type { TestApp } from './app.ts';

/** Rows of one statement. */
export const rowsOf = async <T extends object>(
  { outside }: Pick<TestApp, 'outside'>,
  statement: string,
  values: unknown[] = [],
): Promise<T[]> => (await outside.pool.query<T>(statement, values)).rows;

/** A fact that any number of tests may state: a play of track `id`. */
export const playOf = (id: number, request_id: string = randomUUID()): Fact => ({
  name: 'track.played',
  version: 1,
  aggregate: { type: 'track', id },
  request_id,
  payload: { track_id: id, user_id: 1, listener_id: null },
});

/** States facts, each in a transaction of its own. */
export const state = async ({ outside }: TestApp, ...facts: Fact[]): Promise<void> => {
  for (const fact of facts)
    await outside.database.inTransaction((db) => outside.events.factsOn(db).record(fact));
};

export const untilRelayed = (app: TestApp) =>
  expect
    .poll(() => rowsOf(app, 'select id from outbox where relayed_at is null and fault is null'), {
      timeout: 20_000,
    })
    .toEqual([]);

/** Starts the events of an application with consumers of the test, beside its own. */
export const startEvents = (
  app: TestApp,
  consumers: EventConsumer[],
  messages: EventMessages = app.events.messages,
): void =>
  app.outside.events.start({ consumers: [...app.events.consumers, ...consumers], messages });

/** A consumer that writes down what it is told of. */
export const recorder = (
  events: string[],
  act: (event: EventRecord) => Promise<void> | void = () => undefined,
) => {
  const told: EventRecord[] = [];
  const consumer: EventConsumer = {
    name: 'recorder',
    events,
    async handle(event) {
      await act(event);
      told.push(event);
    },
  };
  return { told, consumer };
};
