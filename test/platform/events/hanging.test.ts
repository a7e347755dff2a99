import { sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import type { EventConsumer } from '#platform/events/consumer.ts';
import { testApp } from '#test/app.ts';
import { http } from '#test/calls.ts';
import { playOf, rowsOf, startEvents, state } from '#test/events.ts';

const app = await testApp({ environment: { DATABASE_POOL_MAX: '20' } });

const told: string[] = [];
const release = Promise.withResolvers<void>();
const late = Promise.withResolvers<unknown>();

/** Hangs at the first event, and writes when it should no longer. */
const consumer: EventConsumer = {
  name: 'hanging',
  events: ['track.played'],
  async handle({ request_id }, db) {
    told.push(request_id);
    if (request_id !== 'hangs' || told.filter((id) => id === 'hangs').length > 1) return;
    await release.promise;
    const writing = db.execute(
      sql`insert into daily_measures values ('2000-01-01', 'plays', 1, 1)`,
    );
    late.resolve(
      await Promise.resolve(writing).then(
        () => 'written',
        () => 'refused',
      ),
    );
  },
};
startEvents(app, [consumer]);

it('a consumer that hangs is given up on, the rest goes on, and what it writes later is lost', async () => {
  await state(app, playOf(1, 'hangs'), playOf(2, 'beside'), playOf(1, 'behind'));
  await expect
    .poll(() => told, { timeout: 25_000 })
    .toEqual(expect.arrayContaining(['hangs', 'beside', 'behind']));
  const settled = () =>
    rowsOf(
      app,
      `select state, attempts from inbox where consumer = 'hanging'
       and event->>'request_id' in ('hangs', 'behind') order by id`,
    );
  // What was told is committed a moment later.
  await expect.poll(settled).toEqual([
    { state: 'done', attempts: 1 },
    { state: 'done', attempts: 0 },
  ]);
  expect(told.filter((id) => id === 'hangs')).toHaveLength(2);
  expect(told.lastIndexOf('hangs')).toBeLessThan(told.indexOf('behind'));

  release.resolve();
  expect(await late.promise).toBe('refused');
  expect(await rowsOf(app, `select * from daily_measures where day = '2000-01-01'`)).toEqual([]);

  const { text } = await http(app, '/metrics');
  expect(text).toMatch(/veza_events_handled_total\{consumer="hanging",outcome="done"\} 3/);
  expect(text).toMatch(/veza_events_handled_total\{consumer="hanging",outcome="failed"\} 1/);
  expect(text).toMatch(/veza_events_relayed_total 3/);
  for (const gauge of ['veza_outbox_lag_seconds', 'veza_outbox_unrelayed', 'veza_events_parked'])
    expect(text).toContain(`\n${gauge} `);
}, 60_000);
