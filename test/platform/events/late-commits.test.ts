import { expect, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { playOf, recorder, rowsOf, startEvents, state, untilRelayed } from '#test/events.ts';

const app = await testApp({ environment: { DATABASE_POOL_MAX: '60' } });
const { told, consumer } = recorder(['track.played']);
startEvents(app, [consumer]);

const INVERSIONS = 1000;
const AT_ONCE = 25;

const isRelayed = async (request_id: string): Promise<boolean> => {
  const rows = await rowsOf(
    app,
    'select id from outbox where request_id = $1 and relayed_at is not null',
    [request_id],
  );
  return rows.length > 0;
};

/** A takes its position first, and commits when B, which came after it, was relayed. */
const invert = async (n: number): Promise<void> => {
  const [late, early] = [playOf(2 * n + 1, `late ${n}`), playOf(2 * n + 2, `early ${n}`)];
  await app.outside.database.inTransaction(async (db) => {
    await app.outside.events.factsOn(db).record(late);
    await state(app, early);
    await expect.poll(() => isRelayed(`early ${n}`), { interval: 5, timeout: 20_000 }).toBe(true);
  });
};

it('an event that commits after a later one was relayed is relayed all the same', async () => {
  for (let n = 0; n < INVERSIONS; n += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, (_, lane) => invert(n + lane)));
  await untilRelayed(app);
  const inverted = await rowsOf<{ count: number }>(
    app,
    `select count(*)::int from outbox late join outbox early
       on late.request_id like 'late %' and early.request_id = replace(late.request_id, 'late', 'early')
     where late.id < early.id and late.relayed_at >= early.relayed_at`,
  );
  expect(inverted).toEqual([{ count: INVERSIONS }]);
  await expect.poll(() => told.length, { timeout: 20_000 }).toBe(2 * INVERSIONS);
  expect(new Set(told.map(({ request_id }) => request_id)).size).toBe(2 * INVERSIONS);
}, 180_000);
