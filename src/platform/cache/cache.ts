import { randomUUID } from 'node:crypto';
import type { CacheTags, ReadThrough } from '#kernel/cached.ts';
import type { Database, Db } from '../postgres/database.ts';
import type { Notifications } from '../postgres/notifications.ts';
import type { Redis } from '../redis/redis.ts';
import { CACHE_CHANNEL, createCacheTags, createDatabaseLevel } from './cache.postgres.ts';
import type { KindSettings } from './entry.ts';
import { createFlights } from './flights.ts';
import { createKind, type Ground, type Levels } from './kind.ts';
import { createMemoryLevel } from './memory-level.ts';
import { createRedisLevel } from './redis-level.ts';
import { createReport, createStatistics, type KindStatistics } from './statistics.ts';

export type CacheSettings = {
  /** Which levels are used, from memory outwards. */
  enabled: { level1: boolean; level2: boolean; level3: boolean };
  max_bytes: number;
  compression_level: number;
  stats_interval_ms: number;
  load_timeout_ms: number;
};

type Outside = {
  database: Database;
  notifications: Notifications;
  redis: Redis | undefined;
  log: { info(facts: object, said: string): void };
};

/** Answers that are read far more often than they change, kept in up to three levels. */
export interface Cache {
  kind<V>(settings: KindSettings<V>): ReadThrough<V>;
  /** Bound to a transaction: what it invalidates is invalid in this process when the commit returns. */
  tagsOn(db: Db): CacheTags;
  /** Tags that somebody else told of as changed. */
  invalidate(tags: readonly string[]): void;
  statistics(): { kinds: ReadonlyMap<string, KindStatistics>; memory_bytes: number };
  close(): void;
}

const createLevels = (
  { database, redis }: Outside,
  { enabled, max_bytes, compression_level }: CacheSettings,
  evicted: (kind: string) => void,
): Levels => ({
  memory: enabled.level1 ? createMemoryLevel({ max_bytes, evicted }) : undefined,
  redis: enabled.level2 && redis ? createRedisLevel({ redis, compression_level }) : undefined,
  database: enabled.level3 ? createDatabaseLevel(database.db) : undefined,
});

/** Forgets what was invalidated, here or elsewhere, and everything when something may have been missed. */
const createForgetting = ({ levels, flights, isTrusted }: Omit<Ground, 'load_timeout_ms'>) => {
  /** Own invalidations, until they are heard as if they were another's. */
  const applied = new Set<string>();
  const invalidate = (tags: readonly string[]): void => {
    flights.invalidate(tags);
    levels.memory?.invalidate(tags);
    levels.redis?.invalidate(tags);
  };
  return {
    invalidate,
    committed(id: string, tags: readonly string[]): void {
      if (isTrusted()) applied.add(id);
      invalidate(tags);
    },
    heard(payload: string): void {
      const [id = '', ...tags] = payload.split(' ');
      if (!applied.delete(id)) invalidate(tags);
    },
    forgetAll(): void {
      applied.clear();
      flights.invalidateAll();
      levels.memory?.clear();
    },
  };
};

export const createCache = (outside: Outside, settings: CacheSettings): Cache => {
  const { notifications, log } = outside;
  const statistics = createStatistics();
  const levels = createLevels(outside, settings, (kind) => {
    statistics.of(kind).evictions += 1;
  });
  const flights = createFlights();
  const isTrusted = () => notifications.isAlive();
  const forgetting = createForgetting({ levels, flights, isTrusted });
  notifications.on(CACHE_CHANNEL, (payload) => forgetting.heard(payload));
  notifications.onGap(() => forgetting.forgetAll());

  const { load_timeout_ms, stats_interval_ms } = settings;
  const ground: Ground = { levels, flights, isTrusted, load_timeout_ms };
  /** Whether any kind keeps results in the database: only then changes are marked there. */
  let hasResults = false;
  const bytes = () => levels.memory?.bytes() ?? 0;
  const report = createReport(statistics, bytes, log);
  const reporting = setInterval(report, stats_interval_ms).unref();

  return {
    kind: (kind) => {
      hasResults ||= kind.levels?.includes(3) ?? false;
      return createKind(ground, kind, statistics.of(kind.name));
    },
    tagsOn: createCacheTags({
      marksTags: () => hasResults && settings.enabled.level3,
      newId: randomUUID,
      committed: (id, tags) => forgetting.committed(id, tags),
    }),
    invalidate: (tags) => forgetting.invalidate(tags),
    statistics: () => ({ kinds: statistics.kinds, memory_bytes: bytes() }),
    close: () => clearInterval(reporting),
  };
};
