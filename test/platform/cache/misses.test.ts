import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { cacheGround } from '#test/cache.ts';
import { lacksRedis, startRedis } from '#test/redis.ts';

const { open } = await cacheGround();
const times = { name: 'popular', schema: 1, floor_ms: 60_000, ceiling_ms: 60_000 };

describe('five hundred who ask at once for what nobody has', () => {
  it('cost one load in a process', async () => {
    const { cache } = await open();
    const kind = cache.kind<number>(times);
    const load = vi.fn(async () => {
      await wait(50);
      return { value: 1, tags: ['thing:1'] };
    });
    const values = await Promise.all(Array.from({ length: 500 }, async () => kind.get(1, load)));
    expect(new Set(values)).toEqual(new Set([1]));
    expect(load).toHaveBeenCalledTimes(1);
  });

  describe.skipIf(lacksRedis)('of processes that share a Redis', async () => {
    if (lacksRedis) return;
    const server = await startRedis();
    afterAll(() => server.stop());
    it('cost two at most in two', async () => {
      const processes = [
        await open({ redis_url: server.url }),
        await open({ redis_url: server.url }),
      ];
      const kinds = processes.map(({ cache }) => cache.kind<number>(times));
      const load = vi.fn(async () => {
        await wait(50);
        return { value: 1, tags: ['thing:1'] };
      });
      await Promise.all(Array.from({ length: 500 }, async (_, n) => kinds[n % 2]?.get(1, load)));
      expect(load.mock.calls.length).toBeLessThanOrEqual(2);
    });
  });
});
