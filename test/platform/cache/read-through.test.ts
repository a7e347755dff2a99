import { setTimeout as wait } from 'node:timers/promises';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { KindSettings } from '#platform/cache/entry.ts';
import { cacheGround, type CacheProcess } from '#test/cache.ts';

const { open } = await cacheGround();
let process: CacheProcess;
beforeAll(async () => {
  process = await open();
});

const times = { floor_ms: 60_000, ceiling_ms: 60_000 };
let kinds = 0;
/** A kind of its own, which counts what it loads. */
const newKind = <V>(settings: Partial<KindSettings<V>> = {}, { cache } = process) => {
  kinds += 1;
  const name = `kind${kinds}`;
  const kind = cache.kind<V>({ name, schema: 1, ...times, ...settings });
  const counted = () => cache.statistics().kinds.get(name);
  return { ...kind, counted, tag: `thing:${kinds}` };
};

describe('a value', () => {
  it('is loaded once, and then the same one', async () => {
    const { get, counted, tag } = newKind<{ n: number }>();
    const load = vi.fn(async () => ({ value: { n: 1 }, tags: [tag] }));
    const first = await get(1, load);
    expect(await get(1, load)).toBe(first);
    expect(await get('1', load)).toBe(first);
    expect(load).toHaveBeenCalledTimes(1);
    expect(counted()).toMatchObject({ loads: 1, hits: { 1: 2 }, misses: { 1: 1 } });
  });

  it('without tags is kept nowhere', async () => {
    const { get } = newKind<number>();
    const load = vi.fn(async () => ({ value: load.mock.calls.length }));
    expect([await get(1, load), await get(1, load)]).toEqual([1, 2]);
  });

  it('that is nothing is kept only when that is asked for, and as long', async () => {
    const plain = newKind<number | undefined>();
    const negative = newKind<number | undefined>({ negative_ms: 300 });
    const loadOf = (tag: string) => vi.fn(async () => ({ value: undefined, tags: [tag] }));
    const [first, second] = [loadOf(plain.tag), loadOf(negative.tag)];
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await plain.get(1, first)).toBeUndefined();
      expect(await negative.get(1, second)).toBeUndefined();
    }
    expect([first.mock.calls.length, second.mock.calls.length]).toEqual([3, 1]);
    await wait(350);
    await negative.get(1, second);
    expect(second).toHaveBeenCalledTimes(2);
  });

  it('ends when its time has come', async () => {
    const { get, tag } = newKind<number>({ floor_ms: 200, ceiling_ms: 200 });
    const load = vi.fn(async () => ({ value: load.mock.calls.length, tags: [tag] }));
    await get(1, load);
    await wait(250);
    expect(await get(1, load)).toBe(2);
  });

  it('is answered while another is loaded, near its end and never past it', async () => {
    const { get, counted, tag } = newKind<number>({
      floor_ms: 100,
      ceiling_ms: 10_000,
      stale_ms: 9_900,
    });
    const load = vi.fn(async () => ({ value: load.mock.calls.length, tags: [tag] }));
    // Read often, it lives long.
    for (let turn = 0; turn < 400; turn += 1) await get(1, load);
    await wait(150);
    await get(1, load);
    for (let turn = 0; turn < 400; turn += 1) await get(1, load);
    const before = load.mock.calls.length;
    await wait(150);
    expect(await get(1, load)).toBe(before);
    expect(counted()?.stale).toBeGreaterThan(0);
    await expect.poll(() => get(1, load)).toBe(before + 1);
  });

  it('whose loading anew fails stays until its end', async () => {
    const { get, tag } = newKind<number>({ floor_ms: 50, ceiling_ms: 2000, stale_ms: 1900 });
    const good = async () => ({ value: 1, tags: [tag] });
    for (let turn = 0; turn < 400; turn += 1) await get(1, good);
    await wait(60);
    await get(1, good);
    await wait(60);
    const bad = vi.fn(async () => Promise.reject(new Error('The source is away')));
    expect(await get(1, bad)).toBe(1);
    await expect.poll(() => bad.mock.calls.length).toBeGreaterThan(0);
    await wait(2000);
    await expect(Promise.resolve(get(1, bad))).rejects.toThrow('away');
  });

  it('whose load fails is asked for again', async () => {
    const { get, tag } = newKind<number>();
    await expect(Promise.resolve(get(1, () => Promise.reject(new Error('once'))))).rejects.toThrow(
      'once',
    );
    expect(await get(1, async () => ({ value: 2, tags: [tag] }))).toBe(2);
  });

  it('takes the place of another in memory, for counters', async () => {
    const { get, patch, tag } = newKind<{ n: number }>();
    const load = async () => ({ value: { n: 1 }, tags: [tag] });
    patch(1, () => ({ n: 5 }));
    expect(await get(1, load)).toEqual({ n: 1 });
    patch(1, ({ n }) => ({ n: n + 1 }));
    expect(await get(1, load)).toEqual({ n: 2 });
  });
});

describe('an invalidation', () => {
  const commit = ({ cache, database }: CacheProcess, tags: string[]) =>
    database.inTransaction((db) => cache.tagsOn(db).invalidate(tags));

  it('ends what has the tag, and nothing else', async () => {
    const { get } = newKind<number>();
    let loads = 0;
    const load = (tags: string[]) => async () => ({ value: (loads += 1), tags });
    const [a, b] = [load(['piece:1', 'owner:1']), load(['piece:2', 'owner:1'])];
    expect([await get(1, a), await get(2, b)]).toEqual([1, 2]);
    await commit(process, ['piece:1']);
    expect([await get(1, a), await get(2, b)]).toEqual([3, 2]);
    await commit(process, ['owner:1']);
    expect([await get(1, a), await get(2, b)]).toEqual([4, 5]);
  });

  it('is none when its transaction fails', async () => {
    const { get, tag } = newKind<number>();
    const load = vi.fn(async () => ({ value: 1, tags: [tag] }));
    await get(1, load);
    await process.database
      .inTransaction(async (db) => {
        await process.cache.tagsOn(db).invalidate([tag]);
        throw new Error('rolled back');
      })
      .catch(() => undefined);
    await get(1, load);
    expect(load).toHaveBeenCalledTimes(1);
  });

  it('lets no load that began before it be kept', async () => {
    const { get, tag } = newKind<number>();
    const gate = Promise.withResolvers<void>();
    const early = get(1, async () => {
      await gate.promise;
      return { value: 1, tags: [tag] };
    });
    await commit(process, [tag]);
    gate.resolve();
    expect(await early).toBe(1);
    expect(await get(1, async () => ({ value: 2, tags: [tag] }))).toBe(2);
  });

  it('lets nobody who asks after it have what a load found that began before', async () => {
    const { get, tag } = newKind<number>();
    const gate = Promise.withResolvers<void>();
    const early = get(1, async () => {
      await gate.promise;
      return { value: 1, tags: [tag] };
    });
    const joined = get(1, async () => ({ value: 0, tags: [tag] }));
    await commit(process, [tag]);
    const late = [1, 2, 3].map(() => get(1, async () => ({ value: 2, tags: [tag] })));
    gate.resolve();
    expect([await early, await joined]).toEqual([1, 1]);
    expect(await Promise.all(late.map(async (one) => one))).toEqual([2, 2, 2]);
  });

  it('is heard by others within a second', async () => {
    const other = await open();
    const { get, tag } = newKind<number>({}, other);
    const load = vi.fn(async () => ({ value: load.mock.calls.length, tags: [tag] }));
    await get(1, load);
    await commit(process, [tag]);
    await expect.poll(() => get(1, load), { timeout: 1000, interval: 10 }).toBe(2);
  });

  it('of more tags than a message holds reaches all', async () => {
    const other = await open();
    const { get } = newKind<number>({}, other);
    const tags = Array.from({ length: 300 }, (_, n) => `many:${n}`);
    const load = vi.fn(async () => ({ value: load.mock.calls.length, tags: ['many:299'] }));
    await get(1, load);
    await commit(process, tags);
    await expect.poll(() => get(1, load), { timeout: 1000, interval: 10 }).toBe(2);
  });

  it('that could not be heard leaves nothing in memory to be read', async () => {
    const deaf = await open();
    const { get, tag } = newKind<number>({}, deaf);
    const load = vi.fn(async () => ({ value: load.mock.calls.length, tags: [tag] }));
    await get(1, load);
    expect(await get(1, load)).toBe(1);
    await deaf.notifications.close();
    expect([await get(1, load), await get(1, load)]).toEqual([2, 3]);
  });

  it('takes words as tags alone', async () => {
    await expect(commit(process, ['two words'])).rejects.toThrow('No tag');
    const { get } = newKind<number>();
    await expect(Promise.resolve(get(1, async () => ({ value: 1, tags: ['*'] })))).rejects.toThrow(
      'No tag',
    );
  });
});

describe('memory', () => {
  it('holds no more bytes than it may, and drops the least used', async () => {
    const small = await open({ settings: { max_bytes: 200_000 } });
    const { get, counted } = newKind<string>({}, small);
    const load = (n: number) =>
      vi.fn(async () => ({ value: 'x'.repeat(1000), tags: [`row:${n}`] }));
    const popular = load(0);
    for (let n = 1; n < 500; n += 1) {
      await get(n, load(n));
      await get(0, popular);
    }
    expect(popular).toHaveBeenCalledTimes(1);
    const { memory_bytes } = small.cache.statistics();
    expect(memory_bytes).toBeLessThanOrEqual(200_000);
    expect(memory_bytes).toBeGreaterThan(100_000);
    expect(counted()?.evictions).toBeGreaterThan(400);
  });
});

describe('the log', () => {
  it('tells once an interval what was read, and is silent when nothing was', async () => {
    const lines: object[] = [];
    const told = await open({
      settings: { stats_interval_ms: 100 },
      log: { info: (facts) => void lines.push(facts) },
    });
    const { get, tag } = newKind<number>({}, told);
    await wait(250);
    expect(lines).toEqual([]);
    for (let turn = 0; turn < 5; turn += 1) await get(1, async () => ({ value: 1, tags: [tag] }));
    await expect.poll(() => lines.length).toBe(1);
    expect(Object.values((lines[0] as { cache: object }).cache)).toEqual([
      { reads: 5, hits: 4, loads: 1, stale: 0, evictions: 0 },
    ]);
    await wait(250);
    expect(lines).toHaveLength(1);
  });
});
