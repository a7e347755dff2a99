import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { cacheGround } from '#test/cache.ts';
import { lacksRedis, startRedis } from '#test/redis.ts';

const { open } = await cacheGround();
const CEILING_MS = 400;
const times = { schema: 1, floor_ms: 100, ceiling_ms: CEILING_MS, stale_ms: 250 };

/** Reads what nobody tells of: each value is the time of its load. Answers the greatest age that was read. */
const oldestOf = async (kinds: { get: (key: number, load: () => Promise<never>) => unknown }[]) => {
  const load = async () => ({ value: performance.now(), tags: ['thing:1'] });
  let oldest_ms = 0;
  for (let turn = 0; turn < 600; turn += 1) {
    const kind = kinds[turn % kinds.length];
    const asked_at = performance.now();
    const loaded_at = (await kind?.get(1, load as never)) as number;
    oldest_ms = Math.max(oldest_ms, asked_at - loaded_at);
    await wait(turn % 50 === 0 ? 120 : 1);
  }
  return oldest_ms;
};

describe('after an invalidation was lost nothing is older than its time', () => {
  it('in memory and in PostgreSQL', async () => {
    const processes = [await open(), await open()];
    const kinds = processes.map(({ cache }) =>
      cache.kind<number>({ name: 'a', ...times, levels: [1, 3] }),
    );
    expect(await oldestOf(kinds)).toBeLessThanOrEqual(CEILING_MS);
  });

  describe.skipIf(lacksRedis)('where there is a Redis', async () => {
    if (lacksRedis) return;
    const server = await startRedis();
    afterAll(() => server.stop());
    it('in memory and in Redis', async () => {
      const processes = [
        await open({ redis_url: server.url }),
        await open({ redis_url: server.url }),
      ];
      const kinds = processes.map(({ cache }) => cache.kind<number>({ name: 'b', ...times }));
      expect(await oldestOf(kinds)).toBeLessThanOrEqual(CEILING_MS);
    });
  });
});
