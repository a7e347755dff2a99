import { afterAll, inject } from 'vitest';
import { type Cache, type CacheSettings, createCache } from '#platform/cache/cache.ts';
import { createDatabase, type Database } from '#platform/postgres/database.ts';
import { createNotifications, type Notifications } from '#platform/postgres/notifications.ts';
import { createPool } from '#platform/postgres/pool.ts';
import { createRedis, type Redis } from '#platform/redis/redis.ts';
import { cloneDatabase, dropDatabase } from './clone.ts';
import { untilUp } from './redis.ts';
import { until } from './until.ts';

const silent = { warn: () => undefined, info: () => undefined };

export type CacheProcess = {
  cache: Cache;
  database: Database;
  notifications: Notifications;
  redis: Redis | undefined;
};

type Options = {
  settings?: Partial<CacheSettings>;
  redis_url?: string | undefined;
  log?: { info(facts: object, said: string): void };
};

const usual: CacheSettings = {
  enabled: { level1: true, level2: true, level3: true },
  max_bytes: 2 ** 24,
  compression_level: 1,
  stats_interval_ms: 3_600_000,
  load_timeout_ms: 10_000,
};

/** Processes with a cache each, on one database that has a table of things with a value and an owner. */
export const cacheGround = async () => {
  const urls = await cloneDatabase(inject('template'));
  const closings: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const close of closings) await close();
    await dropDatabase(urls);
  });
  const open = async ({
    settings,
    redis_url,
    log = silent,
  }: Options = {}): Promise<CacheProcess> => {
    const pool = createPool({ url: urls.url, max: 20, min: 0, timeout_ms: 10_000 });
    const database = createDatabase(pool);
    const notifications = createNotifications({
      url: urls.url,
      channels: ['veza_cache'],
      log: silent,
    });
    const redis =
      redis_url === undefined ? undefined : createRedis({ url: redis_url, log: silent });
    const cache = createCache({ database, notifications, redis, log }, { ...usual, ...settings });
    closings.push(async () => {
      cache.close();
      await notifications.close();
      await redis?.close();
      await pool.end();
    });
    await until(() => notifications.isAlive());
    if (redis) await untilUp(redis);
    return { cache, database, notifications, redis };
  };
  return { open, urls };
};
