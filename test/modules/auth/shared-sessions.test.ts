import { afterAll, describe, expect, it } from 'vitest';
import { statusesOf } from '#test/accounts.ts';
import { type TestApp, testApp } from '#test/app.ts';
import { rest } from '#test/calls.ts';
import { createUser, setAccount } from '#test/factories.ts';
import { lacksRedis, startRedis, untilUp } from '#test/redis.ts';

const WITHIN_A_SECOND = { timeout: 1000, interval: 10 };

describe.skipIf(lacksRedis)('sessions in Redis', async () => {
  if (lacksRedis) return;
  const server = await startRedis();
  const environment = { REDIS_URL: server.url };
  const one = await testApp({ environment });
  const other = await testApp({ environment, beside: one });

  afterAll(() => server.stop());

  const hits = ({ outside }: TestApp): number =>
    outside.cache.statistics().kinds.get('session')?.hits[2] ?? 0;

  it('spare another process the question who calls', async () => {
    const { token } = await createUser(one);
    expect(await statusesOf(one, token)).toEqual([200, 200]);
    const before = hits(other);
    await expect
      .poll(async () => {
        const { token: next } = await createUser(one);
        await statusesOf(one, next);
        await statusesOf(other, next);
        return hits(other) - before;
      })
      .toBeGreaterThan(0);
  });

  it('end here at once, and there within a second, whoever has them in memory', async () => {
    const { token } = await createUser(one);
    expect(await statusesOf(one, token)).toEqual([200, 200]);
    expect(await statusesOf(other, token)).toEqual([200, 200]);
    await rest(one, '/auth/logout', { method: 'POST', token });
    expect(await statusesOf(one, token)).toEqual([401, 401]);
    await expect.poll(() => statusesOf(other, token), WITHIN_A_SECOND).toEqual([401, 401]);
  });

  it('of an account that is banned are nobody’s any more', async () => {
    const { id, token } = await createUser(one);
    expect(await statusesOf(other, token)).toEqual([200, 200]);
    await setAccount(one, id, { state: 'banned' });
    for (const app of [one, other])
      await expect.poll(() => statusesOf(app, token), WITHIN_A_SECOND).toEqual([401, 401]);
  });

  // As if nobody had lived to hear that it has ended.
  await Promise.all([untilUp(one.outside.redis), untilUp(other.outside.redis)]);
  const orphan = await createUser(one);
  const known = await statusesOf(other, orphan.token);
  await one.outside.pool.query(`update sessions set ended_at = now() where user_id = ${orphan.id}`);
  const next = await testApp({ environment, beside: one });

  it('that a process ended before it died are not taken up by the next', async () => {
    await untilUp(next.outside.redis);
    expect(known).toEqual([200, 200]);
    expect(await statusesOf(next, orphan.token)).toEqual([401, 401]);
  });
});
