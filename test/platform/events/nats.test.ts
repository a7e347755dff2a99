import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestApp, testApp } from '#test/app.ts';
import { http } from '#test/calls.ts';
import { playOf, recorder, rowsOf, startEvents, state, untilRelayed } from '#test/events.ts';
import { createUser } from '#test/factories.ts';
import { isNatsMissing, startNats, type TestNats } from '#test/nats.ts';
import { readStream, resend } from '#test/nats-reader.ts';

const { told, consumer } = recorder(['track.played']);

const toldOf = (aggregate_id: number): string[] =>
  told.filter(({ aggregate }) => aggregate.id === aggregate_id).map((e) => e.request_id);

const natsHealth = async (app: TestApp) => (await http(app, '/health')).json.components.nats;

describe.skipIf(isNatsMissing)('with NATS', () => {
  let nats: TestNats;
  let app: TestApp;

  beforeAll(async () => {
    nats = await startNats();
    app = await testApp({
      environment: { NATS_URL: nats.url, DATABASE_POOL_MAX: '20' },
    });
    startEvents(app, [consumer]);
  });
  afterAll(() => nats?.remove());

  const untilReached = () =>
    expect.poll(() => natsHealth(app), { timeout: 20_000 }).toMatchObject({ status: 'healthy' });

  it('an event is one message, as the envelope has it, and consumers are told of it', async () => {
    const { id } = await createUser(app);
    await untilRelayed(app);
    const found = (await readStream(nats.url)).filter(
      ({ aggregate }) => aggregate === `user:${id}`,
    );
    expect(found).toMatchObject([{ subject: 'veza.user.registered.v1', name: 'user.registered' }]);
    expect(found[0]?.message_id).toBe(found[0]?.id);
    await expect
      .poll(() => rowsOf(app, `select total::int from daily_measures`))
      .toEqual([{ total: 1 }]);
  });

  it('health tells when the server is gone, nothing fails, and all is sent when it is back', async () => {
    await nats.stop();
    await expect
      .poll(() => natsHealth(app), { timeout: 20_000 })
      .toMatchObject({
        status: 'degraded',
        message: expect.any(String),
      });
    expect((await http(app, '/ready')).status).toBe(200);
    const order = Array.from({ length: 20 }, (_, n) => `away ${n}`);
    for (const request_id of order)
      await state(app, playOf(41, request_id), playOf(42, request_id));
    await nats.start();
    await untilReached();
    await untilRelayed(app);
    const found = await readStream(nats.url);
    for (const id of [41, 42]) {
      const sent = found.filter(({ aggregate }) => aggregate === `track:${id}`);
      expect(sent.map(({ request_id }) => request_id)).toEqual(order);
      await expect.poll(() => toldOf(id), { timeout: 20_000 }).toEqual(order);
    }
  });

  it('a store that was lost is made anew and filled again by a replay; nobody is told twice', async () => {
    await state(app, playOf(51, 'kept'));
    await untilRelayed(app);
    await expect.poll(() => toldOf(51)).toEqual(['kept']);
    const before = await readStream(nats.url);
    await nats.stop();
    await nats.wipe();
    await nats.start();
    await untilReached();
    expect(await app.services.events.replay({})).toBe(before.length);
    await untilRelayed(app);
    const after = await readStream(nats.url);
    expect(after.map(({ id }) => id).sort()).toEqual(before.map(({ id }) => id).sort());

    await state(app, playOf(51, 'new'));
    await expect.poll(() => toldOf(51), { timeout: 20_000 }).toEqual(['kept', 'new']);
  });

  it('an event that cannot be written is parked and holds up nobody', async () => {
    const unfit = { ...playOf(61, 'unfit'), payload: { track_id: 'many' } };
    const unknown = { ...playOf(61, 'unknown'), name: 'track.sung' };
    await state(app, unfit, unknown, playOf(61, 'fit'));
    await expect.poll(() => toldOf(61), { timeout: 20_000 }).toEqual(['fit']);
    const parked = await app.services.events.parked({ limit: 10 });
    expect(parked.map(({ event, consumer }) => [event.request_id, consumer])).toEqual([
      ['unfit', null],
      ['unknown', null],
    ]);
    await rowsOf(
      app,
      `update outbox set payload = '{"track_id":61,"user_id":1,"listener_id":7}' where request_id = 'unfit'`,
    );
    await app.services.events.replayParked(parked[0]?.id ?? '');
    await expect.poll(() => toldOf(61), { timeout: 20_000 }).toEqual(['fit', 'unfit']);
    expect(told.at(-1)?.payload).toEqual({ track_id: 61, user_id: 1, listener_id: 7 });
  });

  it('a message that comes five times has one effect', async () => {
    await state(app, playOf(81, 'repeated'));
    await expect.poll(() => toldOf(81), { timeout: 20_000 }).toEqual(['repeated']);
    const id = told.at(-1)?.id ?? '';
    await resend(nats.url, id, 5);
    await state(app, playOf(81, 'next'));
    await expect.poll(() => toldOf(81), { timeout: 20_000 }).toEqual(['repeated', 'next']);
    const found = (await readStream(nats.url)).filter((message) => message.id === id);
    expect(found).toHaveLength(6);
  });

  it('the live feed tells of events of every process', async () => {
    const ending = new AbortController();
    const feed = app.outside.events.live.subscribe(
      { names: ['track.played'], aggregate: { type: 'track', id: 71 } },
      ending.signal,
    );
    await state(app, playOf(72, 'another'), playOf(71, 'one'), playOf(71, 'two'));
    const heard: string[] = [];
    for await (const event of feed) {
      heard.push(event.request_id);
      if (heard.length === 2) ending.abort();
    }
    expect(heard).toEqual(['one', 'two']);
  });
});

describe.skipIf(isNatsMissing)('with a NATS server that is away', () => {
  it('the service starts, works, and stops at once', async () => {
    const nats = await startNats();
    await nats.stop();
    const app = await testApp({ environment: { NATS_URL: nats.url }, events: true });
    expect((await http(app, '/ready')).status).toBe(200);
    await createUser(app);
    const began = performance.now();
    await app.outside.events.stop();
    expect(performance.now() - began).toBeLessThan(10_000);
    await nats.remove();
  });

  it('it stops at once, too, when the server went while it ran', async () => {
    const nats = await startNats();
    const app = await testApp({ environment: { NATS_URL: nats.url }, events: true });
    await expect
      .poll(() => natsHealth(app), { timeout: 20_000 })
      .toMatchObject({ status: 'healthy' });
    await nats.stop();
    await expect
      .poll(() => natsHealth(app), { timeout: 20_000 })
      .toMatchObject({ status: 'degraded' });
    const began = performance.now();
    await app.outside.events.stop();
    expect(performance.now() - began).toBeLessThan(10_000);
    await nats.remove();
  });
});

it('without NATS, health does not speak of it', async () => {
  const app = await testApp({ events: true });
  expect((await http(app, '/health')).json.components).not.toHaveProperty('nats');
});
