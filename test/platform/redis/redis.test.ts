import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { createRedis, type Redis } from '#platform/redis/redis.ts';
import { lacksRedis, startRedis, untilUp } from '#test/redis.ts';

const ECHO = { lua: 'return ARGV[1]', keys: [], args: ['here'] };

const ask = async (redis: Redis) => {
  const began = performance.now();
  const reply = await redis.run(ECHO);
  return { reply: reply?.toString(), ms: performance.now() - began };
};

/** Holds this process as a long computation would. */
const hold = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end;);
};

describe.skipIf(lacksRedis)('a Redis', async () => {
  if (lacksRedis) return;
  const server = await startRedis();
  const lines: string[] = [];
  const log = {
    warn: (_facts: object, said: string) => void lines.push(said),
    info: (said: string) => void lines.push(said),
  };
  const redis = createRedis({ url: server.url, log });
  afterAll(async () => {
    await redis.close();
    await server.stop();
  });

  it('answers scripts in the order they were asked', async () => {
    await untilUp(redis);
    const replies = await Promise.all(
      Array.from({ length: 100 }, () =>
        redis.run({ lua: `return redis.call('INCR', KEYS[1])`, keys: ['turn'], args: [] }),
      ),
    );
    expect(replies).toEqual(Array.from({ length: 100 }, (_, turn) => turn + 1));
  });

  it('that stands still is waited for once, and then by nobody until it answers', async () => {
    await untilUp(redis);
    server.pause();
    const first = await Promise.all(Array.from({ length: 50 }, () => ask(redis)));
    expect(first.every(({ reply, ms }) => reply === undefined && ms < 500)).toBe(true);
    expect(redis.isUp()).toBe(false);
    const began = performance.now();
    for (let turn = 0; turn < 1000; turn += 1) expect((await ask(redis)).reply).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(500);
    server.resume();
    await untilUp(redis);
    expect((await ask(redis)).reply).toBe('here');
  });

  it('that stood still until its connection was given up is used again', async () => {
    await untilUp(redis);
    const connections = () =>
      server.command('INFO', 'stats').match(/connections_received:(\d+)/)?.[1];
    const before = Number(connections());
    server.pause();
    await ask(redis);
    await wait(5000);
    server.resume();
    await untilUp(redis);
    expect(Number(connections())).toBeGreaterThan(before + 1);
    expect((await ask(redis)).reply).toBe('here');
  });

  it('that is gone, and comes back, is told of once each', async () => {
    await untilUp(redis);
    lines.length = 0;
    const fresh = createRedis({ url: server.url, log });
    await untilUp(fresh);
    await server.kill();
    await expect.poll(() => fresh.isUp()).toBe(false);
    for (let turn = 0; turn < 1000; turn += 1) await fresh.run(ECHO);
    const before = fresh.run_id();
    await server.start();
    await untilUp(fresh);
    expect(fresh.run_id()).not.toBe(before);
    await fresh.close();
    expect(lines.filter((line) => line.includes('away')).length).toBeLessThanOrEqual(2);
    expect(lines).toContain('Redis answers again');
  });

  it('is not thought slow because this process was', async () => {
    await untilUp(redis);
    for (let turn = 0; turn < 3; turn += 1) {
      const asking = ask(redis);
      // Sent in this turn of the loop, answered while nobody listens.
      await new Promise((resolve) => setImmediate(resolve));
      hold(400);
      expect((await asking).reply).toBe('here');
    }
    expect(redis.isUp()).toBe(true);
  });

  it('that refuses a script answers nothing, and is soon asked again', async () => {
    await untilUp(redis);
    expect(await redis.run({ lua: 'this is no Lua', keys: [], args: [] })).toBeUndefined();
    await untilUp(redis);
    expect((await ask(redis)).reply).toBe('here');
  });
});
