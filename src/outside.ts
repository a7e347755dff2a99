import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '#config.ts';
import { type AudioAnalysis, createAudioAnalysis } from '#platform/audio/analysis.ts';
import { CACHE_CHANNEL } from '#platform/cache/cache.postgres.ts';
import { type Cache, createCache } from '#platform/cache/cache.ts';
import { EVENTS_CHANNEL } from '#platform/events/direct.postgres.ts';
import { createEvents, type Events } from '#platform/events/events.ts';
import { createJobMetrics } from '#platform/job-metrics.ts';
import { createJobs, type Jobs } from '#platform/jobs.ts';
import type { Logger } from '#platform/logger.ts';
import { createMetrics, type Metrics } from '#platform/metrics.ts';
import { createPasswords, type Passwords } from '#platform/passwords.ts';
import { createDatabase, type Database } from '#platform/postgres/database.ts';
import { createNotifications, type Notifications } from '#platform/postgres/notifications.ts';
import { createPool, type DatabasePool } from '#platform/postgres/pool.ts';
import { watchSlowQueries } from '#platform/postgres/slow-queries.ts';
import { createRedis, type Redis } from '#platform/redis/redis.ts';
import { keptSecret } from '#platform/secrets.ts';
import type { BlobStore } from '#platform/storage/blob-store.ts';
import { createLocalBlobStore } from '#platform/storage/local.ts';

/** Accounts that have changed and sessions that have ended are told of on this one, as `user:3` and `session:12`. */
const ACCOUNTS_CHANNEL = 'veza_sessions';

/** The channels that processes tell each other of changes on. */
const CHANNELS = [ACCOUNTS_CHANNEL, CACHE_CHANNEL, EVENTS_CHANNEL, 'veza_moderation'];

/** Everything beyond this process that the application reaches, opened and ready. */
export type Outside = {
  log: Logger;
  version: string;
  now: () => Date;
  metrics: Metrics;
  pool: DatabasePool;
  database: Database;
  notifications: Notifications;
  /** When one is configured; it may be away at any moment. */
  redis: Redis | undefined;
  cache: Cache;
  events: Events;
  jobs: Jobs;
  blobs: BlobStore;
  analysis: AudioAnalysis;
  passwords: Passwords;
  secrets: { jwt: string; jwt_previous: string | undefined; stream: string };
};

type Given = {
  config: Config;
  /** Of the application's role. */
  database_url: string;
  log: Logger;
  version: string;
  now?: () => Date;
};

const openDatabase = ({ config, database_url: url, log }: Given, metrics: Metrics) => {
  const { DATABASE_POOL_MAX: max, DATABASE_POOL_MIN: min, SLOW_QUERY_MS } = config.database;
  const slow = watchSlowQueries({ log, slow_ms: SLOW_QUERY_MS });
  const pool = createPool({
    url,
    max,
    min: Math.min(min, max),
    timeout_ms: config.server.REQUEST_TIMEOUT,
    observe: (query) => {
      metrics.query(query);
      slow.note(query, pool);
    },
    onLost: (fault) => {
      // An embedded server that stops may be faster than the farewell of a connection.
      if (!pool.ending) log.warn({ err: fault }, 'an idle database connection was lost');
    },
  });
  metrics.watchPool(pool);
  return { pool, database: createDatabase(pool) };
};

const openRedis = ({ config, log }: Given): Redis | undefined => {
  const { REDIS_URL: url } = config.redis;
  return url === undefined ? undefined : createRedis({ url, log });
};

const readSecrets = async ({ server, jwt, storage }: Config): Promise<Outside['secrets']> => ({
  jwt: jwt.JWT_SECRET ?? (await keptSecret(server.DATA_DIR, 'jwt')),
  jwt_previous: jwt.JWT_SECRET_PREVIOUS,
  stream: storage.STREAM_SECRET ?? (await keptSecret(server.DATA_DIR, 'stream')),
});

const filesFolder = ({ server, storage }: Config): string =>
  storage.STORAGE_URL ? fileURLToPath(storage.STORAGE_URL) : join(server.DATA_DIR, 'files');

type Shared = Pick<Outside, 'database' | 'notifications' | 'redis'>;

const openCache = ({ config: { cache, server }, log }: Given, shared: Shared): Cache => {
  const opened = createCache(
    { ...shared, log },
    {
      enabled: {
        level1: cache.CACHE_ENABLE_LEVEL1,
        level2: cache.CACHE_ENABLE_LEVEL2,
        level3: cache.CACHE_ENABLE_LEVEL3,
      },
      max_bytes: cache.CACHE_MAX_MEMORY_MB * 2 ** 20,
      compression_level: cache.CACHE_COMPRESSION_LEVEL,
      stats_interval_ms: cache.CACHE_STATS_INTERVAL,
      load_timeout_ms: server.REQUEST_TIMEOUT,
    },
  );
  shared.notifications.on(ACCOUNTS_CHANNEL, (payload) => {
    opened.invalidate([payload]);
  });
  return opened;
};

export const openOutside = async (given: Given): Promise<Outside> => {
  const { config, database_url: url, log, version, now = () => new Date() } = given;
  const metrics = createMetrics({ version });
  const { pool, database } = openDatabase(given, metrics);
  const notifications = createNotifications({ url, channels: CHANNELS, log });
  const redis = openRedis(given);
  const cache = openCache(given, { database, notifications, redis });
  metrics.watchCache(() => cache.statistics());
  const { registry } = metrics;
  const { NATS_URL: nats_url } = config.nats;
  return {
    log,
    version,
    now,
    metrics,
    pool,
    database,
    notifications,
    redis,
    cache,
    events: createEvents({ database_url: url, nats_url, database, notifications, registry, log }),
    jobs: createJobs({
      url,
      concurrency: config.queue.QUEUE_CONCURRENCY,
      metrics: createJobMetrics(registry),
      log,
    }),
    blobs: createLocalBlobStore({ folder: filesFolder(config) }),
    analysis: createAudioAnalysis({
      log,
      concurrency: Math.max(1, config.queue.QUEUE_CONCURRENCY),
      ffmpeg_path: config.storage.FFMPEG_PATH,
    }),
    passwords: createPasswords(),
    secrets: await readSecrets(config),
  };
};

/** In the order of use: work ends before what it works with. What cannot be closed keeps nothing else open. */
export const closeOutside = async (outside: Outside): Promise<void> => {
  const { jobs, events, analysis, notifications, cache, redis, passwords, pool, log } = outside;
  const steps = {
    jobs: () => jobs.stop(3000),
    events: () => events.stop(),
    analysis: () => analysis.close(),
    notifications: () => notifications.close(),
    cache: async () => cache.close(),
    redis: async () => redis?.close(),
    passwords: () => passwords.close(),
    database: () => pool.end(),
  };
  for (const [name, close] of Object.entries(steps))
    await close().catch((err: unknown) => log.warn({ err }, `${name} not closed`));
};
