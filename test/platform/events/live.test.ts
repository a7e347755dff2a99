import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { EventRecord } from '#kernel/event.ts';
import { testApp } from '#test/app.ts';
import { playOf, rowsOf, state } from '#test/events.ts';
import { createUser } from '#test/factories.ts';

const environment = { DATABASE_POOL_MAX: '20' };
const app = await testApp({ environment, events: true });
const other = await testApp({ environment, events: true, beside: app });

/** The first events of a feed, which is left afterwards. */
const take = async (feed: AsyncIterable<EventRecord>, count: number): Promise<EventRecord[]> => {
  const taken: EventRecord[] = [];
  for await (const event of feed) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
};

const never = () => new AbortController().signal;
const track = (id: number) => ({ type: 'track', id });

/** Connections that listen take a moment to open. */
beforeAll(() => vi.waitUntil(() => other.outside.notifications.isAlive(), { timeout: 20_000 }));

describe('the live feed', () => {
  it('tells of what is recorded in any process, as it was recorded', async () => {
    const feed = other.outside.events.live.subscribe({ names: ['user.registered'] }, never());
    const user = await createUser(app);
    const [event] = await take(feed, 1);
    expect(event).toMatchObject({
      name: 'user.registered',
      version: 1,
      aggregate: { type: 'user', id: user.id },
      payload: { user_id: user.id, username: user.username },
    });
    expect(event?.id).toMatch(/^[\da-f-]{36}$/);
    expect(event?.request_id).not.toBe('');
    expect(event?.occurred_at).toMatch(/^\d{4}-.+\.\d{3}Z$/);
  });

  it('tells of the events that were asked for, in order', async () => {
    const { live } = app.outside.events;
    const feed = live.subscribe({ names: ['track.played'], aggregate: track(1) }, never());
    const wanted = ['a', 'b', 'c'];
    for (const request_id of wanted)
      await state(app, playOf(2, 'another track'), playOf(1, request_id));
    const taken = await take(feed, 3);
    expect(taken.map(({ request_id }) => request_id)).toEqual(wanted);
  });

  it('ends when its reader goes', async () => {
    const ending = new AbortController();
    const reading = take(app.outside.events.live.subscribe({}, ending.signal), 1_000_000);
    ending.abort();
    expect(await reading).toEqual(expect.any(Array));
    const late = app.outside.events.live.subscribe({}, ending.signal);
    expect(await take(late, 1)).toEqual([]);
  });

  it('refuses to leave out events: who reads too slowly is told so', async () => {
    const { live } = app.outside.events;
    const slow = live.subscribe({ aggregate: track(9) }, never());
    const quick = live.subscribe({ aggregate: track(9) }, never());
    const count = 1001;
    const reading = take(quick, count);
    await rowsOf(
      app,
      `insert into outbox (name, version, aggregate_type, aggregate_id, request_id, payload)
       select 'track.played', 1, 'track', 9, 'n' || n, '{}' from generate_series(1, ${count}) n`,
    );
    const order = Array.from({ length: count }, (_, n) => `n${n + 1}`);
    expect((await reading).map(({ request_id }) => request_id)).toEqual(order);
    await expect(take(slow, count)).rejects.toMatchObject({ code: 'EVENTS_MISSED' });
  });

  it('ends with its source: what may have been missed is never passed over', async () => {
    const reading = take(other.outside.events.live.subscribe({}, never()), 1_000_000);
    const missed = expect(reading).rejects.toMatchObject({ code: 'EVENTS_MISSED' });
    await app.outside.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'veza-api notifications' and datname = current_database()`,
    );
    await missed;
  });
});
