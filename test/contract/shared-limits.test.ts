import { afterAll, describe, expect, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { http, rest, trpc } from '#test/calls.ts';
import { createUser, PASSWORD } from '#test/factories.ts';
import { lacksRedis, startRedis, untilUp } from '#test/redis.ts';

describe.skipIf(lacksRedis)('processes that share a Redis', async () => {
  if (lacksRedis) return;
  const server = await startRedis();
  const environment = {
    REDIS_URL: server.url,
    RATE_LIMIT_FACTOR: '1',
    RATE_LIMIT_STRANGER: '20/1h',
    RATE_LIMIT_MEMBER: '30/1h',
  };
  const app = await testApp({ environment });
  const other = await testApp({ environment, beside: app });
  const strict = await testApp({
    environment: { ...environment, RATE_LIMIT_FALLBACK_TO_MEMORY: 'false' },
    beside: app,
  });
  const apps = [app, other];
  afterAll(() => server.stop());
  for (const { outside } of [app, other, strict]) await untilUp(outside.redis);

  let hosts = 0;
  const fresh = (): string => `203.0.113.${(hosts += 1)}`;
  const at = (turn: number) => apps[turn % 2] ?? app;
  const left = ({ headers }: { headers: Record<string, unknown> }) =>
    Number(headers['ratelimit-remaining']);

  it('let a stranger call as often as one process would', async () => {
    const address = fresh();
    for (let turn = 0; turn < 20; turn += 1)
      expect(left(await rest(at(turn), '/users', { address }))).toBe(19 - turn);
    for (const each of apps) {
      const { status, json, headers } = await rest(each, '/users', { address });
      expect([status, json.error.code]).toEqual([429, 'RATE_LIMITED']);
      expect(json.error.details).toEqual([{ field: 'bucket', message: 'stranger' }]);
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    }
  });

  it('count a member wherever they call', async () => {
    const user = await createUser(app);
    const remaining = [];
    for (const turn of [0, 1, 2])
      remaining.push(left(await rest(at(turn), '/users/me', { token: user.token })));
    expect(remaining).toEqual([29, 28, 27]);
  });

  it('count each call of a batch, and refuse as a whole what has not as many left', async () => {
    const address = fresh();
    const batch = (turn: number) =>
      http(at(turn), `/trpc/${Array(8).fill('users.list').join(',')}?batch=1`, { address });
    expect(left(await batch(0))).toBe(12);
    expect(left(await batch(1))).toBe(4);
    const refused = await batch(0);
    expect([refused.status, refused.json.error.data.code]).toEqual([429, 'RATE_LIMITED']);
  });

  it('share the buckets of single operations, on either door, at the price of valid calls only', async () => {
    const address = fresh();
    const login = { username: 'nobody0', password: PASSWORD };
    const answers = [];
    for (let turn = 0; turn < 11; turn += 1)
      answers.push(
        turn % 2
          ? await trpc(at(turn >> 1), 'auth.login', { type: 'mutation', input: login, address })
          : await rest(at(turn >> 1), '/auth/login', { method: 'POST', body: login, address }),
      );
    expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(401), 429]);
    const malformed = await rest(other, '/auth/login', { method: 'POST', body: {}, address });
    expect(malformed.status).toBe(400);
  });

  it('count what is found nowhere', async () => {
    const address = fresh();
    for (let turn = 0; turn < 20; turn += 1) await http(at(turn), '/nowhere', { address });
    for (const each of apps) expect((await http(each, '/nowhere', { address })).status).toBe(429);
  });

  describe('while it is away', () => {
    it('limit each by itself, with what they knew, and say so in their health', async () => {
      const address = fresh();
      for (let turn = 0; turn < 20; turn += 1) await rest(app, '/users', { address });
      const health = async () => (await http(app, '/health')).json;
      expect((await health()).components.redis.status).toBe('healthy');
      await server.kill();
      await expect.poll(async () => (await health()).components.redis.status).toBe('degraded');
      const away = await http(app, '/health');
      expect([away.status, away.json.status]).toEqual([200, 'degraded']);
      expect((await http(app, '/ready')).status).toBe(200);
      expect((await rest(app, '/users', { address })).status).toBe(429);
      const stranger = fresh();
      for (let turn = 0; turn < 20; turn += 1)
        expect((await rest(other, '/users', { address: stranger })).status).toBe(200);
      expect((await rest(other, '/users', { address: stranger })).status).toBe(429);
    });

    it('refuse everyone where memory may not count', async () => {
      const { status, json, headers } = await rest(strict, '/users', { address: fresh() });
      expect([status, json.error.code, headers['retry-after']]).toEqual([
        503,
        'SERVICE_UNAVAILABLE',
        '1',
      ]);
      expect((await http(strict, '/health')).status).toBe(200);
      expect((await http(strict, '/nowhere')).status).toBe(503);
    });

    it('share again when it is back', async () => {
      await server.start();
      await expect.poll(async () => (await http(strict, '/users')).status).not.toBe(503);
      const address = fresh();
      for (const { outside } of apps) await untilUp(outside.redis);
      for (let turn = 0; turn < 20; turn += 1) await rest(at(turn), '/users', { address });
      for (const each of apps) expect((await rest(each, '/users', { address })).status).toBe(429);
    });
  });
});

it('a Redis that was never there delays nothing', async () => {
  const began = performance.now();
  const app = await testApp({ environment: { REDIS_URL: 'redis://127.0.0.1:1' } });
  expect((await rest(app, '/users')).status).toBe(200);
  expect(performance.now() - began).toBeLessThan(10_000);
  const { status, json } = await http(app, '/health');
  expect([status, json.components.redis.status]).toEqual([200, 'degraded']);
});

it('the health of a service without Redis does not speak of it', async () => {
  const app = await testApp();
  expect((await http(app, '/health')).json.components).not.toHaveProperty('redis');
});
