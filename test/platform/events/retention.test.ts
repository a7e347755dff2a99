import { expect, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { playOf, rowsOf, state } from '#test/events.ts';
import { runJob } from '#test/tracks.ts';

const app = await testApp();

const named = (rows: { request_id: string }[]): string[] =>
  rows.map(({ request_id }) => request_id);

it('relayed events are kept for a day, those that wait for as long as they do', async () => {
  const ages = { fresh: '23 hours', old: '25 hours', waiting: null, unfit: null };
  for (const [request_id, age] of Object.entries(ages)) {
    await state(app, playOf(1, request_id));
    await rowsOf(
      app,
      `update outbox set occurred_at = now() - interval '30 days', relayed_at = now() - $2::interval
       where request_id = $1`,
      [request_id, age],
    );
  }
  await rowsOf(app, `update outbox set fault = 'unfit' where request_id = 'unfit'`);
  await runJob(app, 'events.purge');
  const kept = await rowsOf<{ request_id: string }>(
    app,
    'select request_id from outbox order by id',
  );
  expect(named(kept)).toEqual(['fresh', 'waiting', 'unfit']);
});

it('what was handled is remembered for a week, longer than it can come again', async () => {
  await rowsOf(
    app,
    `insert into inbox (consumer, event_id, aggregate_type, aggregate_id, state, settled_at, event)
     select 'c', gen_random_uuid(), 'track', 1, state, now() - age::interval,
       jsonb_build_object('request_id', state || ' ' || age)
     from (values ('done', '6 days'), ('done', '8 days'), ('parked', '8 days'), ('pending', '8 days'))
       as given(state, age)`,
  );
  await runJob(app, 'events.purge');
  const kept = await rowsOf<{ request_id: string }>(
    app,
    `select event->>'request_id' as request_id from inbox order by 1`,
  );
  expect(named(kept)).toEqual(['done 6 days', 'parked 8 days', 'pending 8 days']);
});
