import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { createMemoryRateLimiter } from '#platform/rate-limiter.ts';
import { createSharedRateLimiter } from '#platform/redis/rate-limiter.ts';
import { createRedis, type Redis } from '#platform/redis/redis.ts';
import type { RateLimit } from '#platform/settings.ts';
import { lacksRedis, startRedis } from '#test/redis.ts';

const silent = { warn: () => undefined, info: () => undefined };
const perHour: RateLimit = { rate: 60, period_ms: 3_600_000, burst: 10 };

describe.skipIf(lacksRedis)('limits that processes share', async () => {
  if (lacksRedis) return;
  const server = await startRedis();
  const opened: Redis[] = [];

  /** One process: a connection and a memory of its own. */
  const processOf = async ({ falls_back = true } = {}) => {
    const redis = createRedis({ url: server.url, log: silent });
    opened.push(redis);
    await expect.poll(() => redis.isUp()).toBe(true);
    const memory = createMemoryRateLimiter();
    const shared = createSharedRateLimiter({ redis, memory, falls_back });
    return { redis, take: async (key: string, limit: RateLimit) => shared.take(key, limit) };
  };

  afterAll(async () => {
    for (const redis of opened) await redis.close();
    await server.stop();
  });

  let keys = 0;
  const newKey = () => `member:${(keys += 1)}`;
  const allowedOf = (taken: { allowed: boolean }[]) =>
    taken.filter(({ allowed }) => allowed).length;

  it('allow the burst once over all of them, however many ask at the same moment', async () => {
    const [one, other] = [await processOf(), await processOf()];
    const key = newKey();
    const taken = await Promise.all(
      Array.from({ length: 40 }, (_, turn) => (turn % 2 ? one : other).take(key, perHour)),
    );
    expect(allowedOf(taken)).toBe(10);
  });

  it('tell what is left as memory does', async () => {
    const { take } = await processOf();
    const alone = createMemoryRateLimiter();
    const key = newKey();
    for (let turn = 0; turn < 12; turn += 1) {
      const [shared, own] = [await take(key, perHour), alone.take(key, perHour)];
      expect([shared.allowed, shared.limit, shared.remaining]).toEqual([
        own.allowed,
        own.limit,
        own.remaining,
      ]);
      expect(Math.abs(shared.reset_ms - own.reset_ms)).toBeLessThan(1000);
      expect(Math.abs(shared.retry_ms - own.retry_ms)).toBeLessThan(1000);
    }
  });

  it('fill up again as time passes', async () => {
    const { take } = await processOf();
    const key = newKey();
    const fast = { rate: 10, period_ms: 1000, burst: 2 };
    const first = [await take(key, fast), await take(key, fast), await take(key, fast)];
    expect(first.map(({ allowed }) => allowed)).toEqual([true, true, false]);
    await wait((first[2]?.retry_ms ?? 0) + 1);
    expect((await take(key, fast)).allowed).toBe(true);
  });

  it('leave nothing behind of a bucket that is full again', async () => {
    const { take } = await processOf();
    const key = newKey();
    await take(key, { rate: 20, period_ms: 1000, burst: 5 });
    await expect.poll(() => server.command('EXISTS', `veza:limit:${key}`)).toBe('0');
  });

  it('are no fresh burst after the server forgot them', async () => {
    const [one, other] = [await processOf(), await processOf()];
    const key = newKey();
    for (let turn = 0; turn < 10; turn += 1) await one.take(key, perHour);
    server.command('FLUSHALL');
    expect((await one.take(key, perHour)).allowed).toBe(false);
    expect((await other.take(key, perHour)).allowed).toBe(false);
  });

  it('hold on in memory while the server is paused or gone, and are shared again after', async () => {
    const one = await processOf();
    const key = newKey();
    for (let turn = 0; turn < 6; turn += 1) await one.take(key, perHour);
    for (const [begin, end] of [
      [server.pause, server.resume],
      [server.kill, server.start],
    ] as const) {
      await begin();
      const taken = [];
      for (let turn = 0; turn < 2; turn += 1) {
        const began = performance.now();
        taken.push(await one.take(key, perHour));
        expect(performance.now() - began).toBeLessThan(500);
      }
      expect(allowedOf(taken)).toBe(2);
      await expect.poll(() => one.redis.isUp()).toBe(false);
      await end();
      await expect.poll(() => one.redis.isUp(), { timeout: 5000 }).toBe(true);
    }
    expect((await one.take(key, perHour)).allowed).toBe(false);
    const other = await processOf();
    expect((await other.take(key, perHour)).allowed).toBe(false);
  });

  it('let nobody in without the server where memory may not answer', async () => {
    const { take, redis } = await processOf({ falls_back: false });
    expect((await take(newKey(), perHour)).allowed).toBe(true);
    server.pause();
    await expect(take(newKey(), perHour)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    await expect(take(newKey(), perHour)).rejects.toMatchObject({ retry_after_seconds: 1 });
    server.resume();
    await expect.poll(() => redis.isUp()).toBe(true);
    expect((await take(newKey(), perHour)).allowed).toBe(true);
  });

  it('count more buckets at once than a script takes arguments', async () => {
    const { take } = await processOf();
    const many = Array.from({ length: 2500 }, newKey);
    const taken = await Promise.all(many.map((key) => take(key, perHour)));
    expect(taken.every(({ remaining }) => remaining === 9)).toBe(true);
  });
});
