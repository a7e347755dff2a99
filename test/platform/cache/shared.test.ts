import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cacheGround, type CacheProcess } from '#test/cache.ts';
import { lacksRedis, startRedis, untilUp } from '#test/redis.ts';

const { open } = await cacheGround();
const times = { schema: 1, floor_ms: 60_000, ceiling_ms: 60_000 };

const commit = ({ cache, database }: CacheProcess, tags: string[]) =>
  database.inTransaction((db) => cache.tagsOn(db).invalidate(tags));

let names = 0;
const newName = () => `shared${(names += 1)}`;

describe.skipIf(lacksRedis)('Redis', async () => {
  if (lacksRedis) return;
  const server = await startRedis();
  afterAll(() => server.stop());
  /** Without memory, so that each read asks Redis. */
  const settings = { enabled: { level1: false, level2: true, level3: false } };
  let one: CacheProcess;
  let other: CacheProcess;
  beforeAll(async () => {
    one = await open({ redis_url: server.url, settings });
    other = await open({ redis_url: server.url, settings });
  });

  /** The same kind in two processes, whose loads are counted together. */
  const pair = () => {
    const name = newName();
    const tag = `thing:${names}`;
    const [here, there] = [one, other].map(({ cache }) => cache.kind<string>({ name, ...times }));
    if (!here || !there) throw new Error('There are two');
    const load = vi.fn(async () => ({ value: `${load.mock.calls.length}`, tags: [tag] }));
    /** Values are written after they were answered. */
    const keep = async () => {
      await here.get(1, load);
      await expect.poll(() => server.command('KEYS', `*:${name}.1:1`)).not.toBe('');
    };
    return { here, there, tag, name, load, keep };
  };

  it('holds for all what one has loaded', async () => {
    const { here, there, load, keep } = pair();
    await keep();
    expect([await here.get(1, load), await there.get(1, load)]).toEqual(['1', '1']);
    expect(load).toHaveBeenCalledTimes(1);
  });

  it('holds long values compressed, and gives back what was written', async () => {
    const name = newName();
    const long = {
      text: 'Éclair — 音楽 '.repeat(500),
      numbers: Array.from({ length: 800 }, () => 0.5),
    };
    const kind = one.cache.kind<object>({ name, ...times });
    await kind.get(1, async () => ({ value: long, tags: ['long:1'] }));
    await expect.poll(() => server.command('KEYS', `*:${name}.1:1`)).not.toBe('');
    const key = server.command('KEYS', `*:${name}.1:1`);
    expect(Number(server.command('HSTRLEN', key, 'value'))).toBeLessThan(1500);
    const read = await other.cache
      .kind<object>({ name, ...times })
      .get(1, () => Promise.reject(new Error('It is there')));
    expect(read).toEqual(long);
  });

  it('is not read for values of another shape', async () => {
    const { name, load, keep } = pair();
    await keep();
    const newer = one.cache.kind<string>({ name, ...times, schema: 2 });
    expect(await newer.get(1, load)).toBe('2');
  });

  it('holds nothing that was invalidated, from the moment of the commit', async () => {
    const { here, tag, load, keep } = pair();
    await keep();
    await commit(one, [tag]);
    expect(await here.get(1, load)).toBe('2');
  });

  it('takes no value whose load began before an invalidation, here or elsewhere', async () => {
    for (const writer of [one, other]) {
      const { here, there, tag, load } = pair();
      const gate = Promise.withResolvers<void>();
      const early = here.get(1, async () => {
        await gate.promise;
        return { value: 'early', tags: [tag] };
      });
      await commit(writer, [tag]);
      gate.resolve();
      expect(await early).toBe('early');
      expect(await there.get(1, load)).toBe('1');
    }
  });

  it('that was emptied holds nothing that began before', async () => {
    const { here, there, tag, load } = pair();
    const gate = Promise.withResolvers<void>();
    const early = here.get(1, async () => {
      await gate.promise;
      return { value: 'early', tags: [tag] };
    });
    await expect.poll(() => server.command('DBSIZE')).not.toBe('0');
    server.command('FLUSHALL');
    gate.resolve();
    await early;
    expect(await there.get(1, load)).toBe('1');
  });

  it('whose versions of tags were evicted holds nothing of those tags', async () => {
    const { here, tag, load, keep } = pair();
    await keep();
    server.command('DEL', server.command('KEYS', `*:tag:${tag}`));
    expect(await here.get(1, load)).toBe('2');
  });

  it('costs nobody more than a moment when it stands still, and forgets what it was not told of', async () => {
    const { here, there, tag, load, keep } = pair();
    await keep();
    server.pause();
    const began = performance.now();
    expect(await here.get(1, load)).toBe('2');
    expect(performance.now() - began).toBeLessThan(500);
    await there.get(2, load);
    await commit(one, [tag]);
    server.resume();
    for (const { redis } of [one, other]) await untilUp(redis);
    expect(Number(await here.get(1, load))).toBeGreaterThan(2);
  });

  it('that was started again is used again', async () => {
    await server.kill();
    const { here, load } = pair();
    expect(await here.get(1, load)).toBe('1');
    await server.start();
    for (const { redis } of [one, other]) await untilUp(redis);
    const after = pair();
    await after.keep();
    expect(await after.there.get(1, after.load)).toBe('1');
  });
});

describe('PostgreSQL', () => {
  const settings = { enabled: { level1: false, level2: false, level3: true } };
  let one: CacheProcess;
  let other: CacheProcess;
  beforeAll(async () => {
    one = await open({ settings });
    other = await open({ settings });
  });

  const pair = (life = {}) => {
    const name = newName();
    const tag = `thing:${names}`;
    const [here, there] = [one, other].map(({ cache }) =>
      cache.kind<string>({ name, ...times, levels: [3], ...life }),
    );
    if (!here || !there) throw new Error('There are two');
    const load = vi.fn(async () => ({ value: `${load.mock.calls.length}`, tags: [tag] }));
    const kept = async () => {
      const { rows } = await one.database.db.execute<{ key: string }>(
        `select key from cache_entries where key = '${name}.1:1'`,
      );
      return rows.length;
    };
    const keep = async () => {
      await here.get(1, load);
      await expect.poll(kept).toBe(1);
    };
    return { here, there, tag, load, keep, kept };
  };

  it('holds for all what one has loaded, where a kind asks for it', async () => {
    const { there, load, keep } = pair();
    await keep();
    expect(await there.get(1, load)).toBe('1');
    const plain = pair({ levels: [1, 2] });
    await plain.here.get(1, plain.load);
    expect(await plain.there.get(1, plain.load)).toBe('2');
  });

  it('holds nothing that was invalidated, for anybody, from the moment of the commit', async () => {
    const { here, there, tag, load, keep } = pair();
    await keep();
    await commit(one, [tag]);
    expect(await there.get(1, load)).toBe('2');
    expect(Number(await here.get(1, load))).toBeGreaterThanOrEqual(2);
  });

  it('takes no value whose load began before an invalidation', async () => {
    const { here, there, tag, load, kept } = pair();
    const gate = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const early = here.get(1, async () => {
      began.resolve();
      await gate.promise;
      return { value: 'early', tags: [tag] };
    });
    await began.promise;
    await commit(other, [tag]);
    gate.resolve();
    expect(await early).toBe('early');
    await expect.poll(kept).toBe(1);
    expect(await there.get(1, load)).toBe('1');
  });

  it('is rid of what has expired', async () => {
    const { purgeCache } = await import('#platform/cache/cache.postgres.ts');
    const { here, load, kept } = pair({ floor_ms: 50, ceiling_ms: 50 });
    await here.get(1, load);
    const { signal } = new AbortController();
    await expect
      .poll(async () => {
        await purgeCache(one.database.db).run({
          data: {},
          signal,
          progress: async () => undefined,
        });
        return kept();
      })
      .toBe(0);
    expect(await here.get(1, load)).toBe('2');
  });

  it('keeps no log of it, and forgets in a crash', async () => {
    const { rows } = await one.database.db.execute<{ relpersistence: string }>(
      `select relpersistence from pg_class where relname in ('cache_entries', 'cache_tags')`,
    );
    expect(rows.map(({ relpersistence }) => relpersistence)).toEqual(['u', 'u']);
  });
});
