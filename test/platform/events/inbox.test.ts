import { describe, expect, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { playOf, recorder, rowsOf, startEvents, state, untilRelayed } from '#test/events.ts';

const app = await testApp({ environment: { DATABASE_POOL_MAX: '20' } });

const POISON = 666;
const attempts = new Map<string, number>();
let isCured = false;

/** Fails the first time it is told of an event; of one aggregate, always. */
const { told, consumer } = recorder(['track.played'], ({ id, aggregate, request_id }) => {
  const tried = (attempts.get(id) ?? 0) + 1;
  attempts.set(id, tried);
  if (request_id.startsWith('poison') && !isCured) throw new Error('poison');
  if (aggregate.id < 100 && tried === 1) throw new Error('not yet');
});
startEvents(app, [consumer]);

/** Back-off is in seconds: here whatever waits is due at once. */
const hurry = () => rowsOf(app, `update inbox set due_at = now() where state = 'pending'`);

const eventually = (read: () => unknown) =>
  expect.poll(
    async () => {
      await hurry();
      return read();
    },
    { timeout: 25_000, interval: 100 },
  );

const toldOf = (aggregate_id: number): string[] =>
  told.filter(({ aggregate }) => aggregate.id === aggregate_id).map((e) => e.request_id);

describe('a consumer', () => {
  it('is told of each event of an aggregate in order, whichever failed before', async () => {
    const ids = [11, 12, 13];
    const order = Array.from({ length: 8 }, (_, n) => `r${n}`);
    for (const request_id of order) await state(app, ...ids.map((id) => playOf(id, request_id)));
    await eventually(() => ids.map((id) => toldOf(id).length)).toEqual(ids.map(() => 8));
    for (const id of ids) expect(toldOf(id)).toEqual(order);
  });

  it('gives up on an event after five attempts, and goes on with the rest', async () => {
    await state(app, playOf(POISON, 'poison'), playOf(POISON, 'after'), playOf(500, 'beside'));
    await eventually(() => [toldOf(POISON), toldOf(500)]).toEqual([['after'], ['beside']]);
    const parked = await app.services.events.parked({ limit: 100 });
    const [one] = parked.filter(({ event }) => event.request_id === 'poison');
    expect(one).toMatchObject({ consumer: 'recorder', attempts: 5, last_error: 'poison' });
    expect(attempts.get(one?.event.id ?? '')).toBe(5);

    isCured = true;
    await app.services.events.replayParked(one?.id ?? '');
    await eventually(() => toldOf(POISON)).toEqual(['after', 'poison']);
    expect(await app.services.events.parked({ limit: 100 })).toEqual([]);
  });

  it('is told once of an event that is relayed again and again', async () => {
    await state(app, playOf(700, 'once'));
    await eventually(() => toldOf(700)).toEqual(['once']);
    for (let times = 0; times < 5; times += 1) {
      expect(await app.services.events.replay({ name: 'track.played' })).toBeGreaterThan(0);
      await untilRelayed(app);
    }
    await eventually(async () =>
      rowsOf(app, `select count(*)::int as waiting from inbox where state = 'pending'`),
    ).toEqual([{ waiting: 0 }]);
    expect(toldOf(700)).toEqual(['once']);
  });

  it.each(['inbox:999999999', 'outbox:999999999', 'nothing', 'inbox:x'])(
    'cannot have %s tried again, which is not parked',
    async (id) => {
      await expect(app.services.events.replayParked(id)).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
    },
  );
});

it('what a consumer writes is written with the note that it was told, or not at all', async () => {
  const [plays] = await rowsOf<{ total: number }>(
    app,
    `select total::int from daily_measures where measure = 'plays'`,
  );
  const [facts] = await rowsOf<{ total: number }>(
    app,
    `select count(*)::int as total from outbox where name = 'track.played'`,
  );
  expect(plays).toEqual(facts);
});
