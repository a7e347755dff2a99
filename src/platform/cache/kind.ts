import type { Loaded, ReadThrough } from '#kernel/cached.ts';
import { withDeadline } from '#kernel/deadline.ts';
import type { DatabaseLevel, Snapshot } from './cache.postgres.ts';
import {
  assertTags,
  type Codec,
  isTouched,
  type Kept,
  type KindSettings,
  type Level,
} from './entry.ts';
import type { createFlights, Flight } from './flights.ts';
import { type Lifetime, lifetimeOf } from './lifetime.ts';
import { type Entry, type MemoryLevel, sizeOf } from './memory-level.ts';
import { untilDeadline } from './patience.ts';
import type { RedisLevel, Ticket } from './redis-level.ts';
import type { KindStatistics } from './statistics.ts';

/** What a kind keeps its values in; a level that is switched off is absent. */
export type Levels = {
  memory: MemoryLevel | undefined;
  redis: RedisLevel | undefined;
  database: DatabaseLevel | undefined;
};

export type Ground = {
  levels: Levels;
  flights: ReturnType<typeof createFlights>;
  /** Whether every invalidation has been heard: otherwise memory and Redis are neither asked nor told. */
  isTrusted: () => boolean;
  /** A load has so long, whoever waits for it. */
  load_timeout_ms: number;
};

type Load<V> = () => Promise<Loaded<V>>;

/** Text that JSON never is stands for undefined. */
const json: Codec<unknown> = {
  write: (value) => (value === undefined ? '' : JSON.stringify(value)),
  read: (text) => (text === '' ? undefined : JSON.parse(text)),
};

const levelsOf = (levels: Levels, wanted: readonly Level[]): Levels => ({
  memory: wanted.includes(1) ? levels.memory : undefined,
  redis: wanted.includes(2) ? levels.redis : undefined,
  database: wanted.includes(3) ? levels.database : undefined,
});

const isKept = (found: Kept | Ticket | Snapshot | undefined): found is Kept =>
  found !== undefined && 'text' in found;

const ignore = (): undefined => undefined;

type Settled<V> = KindSettings<V> & { codec: Codec<V> };

const lifetimeFor = <V>(settings: KindSettings<V>, value: V, hits: number): Lifetime => {
  const { negative_ms } = settings;
  if (value !== undefined && value !== null) return lifetimeOf(settings, hits);
  return lifetimeOf({ floor_ms: negative_ms ?? 0, ceiling_ms: negative_ms ?? 0 }, 0);
};

type Asked = {
  key: string;
  /** From then on its age is counted, whichever way it comes. */
  at: number;
  /** How often it was read in its life before. */
  hits: number;
};

/** Keeps a value in memory, unless it was invalidated on its way here. */
const remember = <V>(
  { memory }: Levels,
  settings: Settled<V>,
  kept: { asked: Asked; value: V; from: Kept; life_ms: number },
): void => {
  const { value, from, life_ms } = kept;
  const { key, at, hits } = kept.asked;
  const entry: Entry = {
    kind: settings.name,
    value,
    tags: from.tags,
    fresh_until: at + from.fresh_ms,
    gone_at: at + life_ms,
    hits,
    size_bytes: sizeOf(key, from.text, from.tags),
  };
  memory?.set(key, entry);
};

/** Asks one level after the other, then the source, and keeps what was found in those before it. */
const createFill = <V>(ground: Ground, settings: Settled<V>, statistics: KindStatistics) => {
  const levels = levelsOf(ground.levels, settings.levels ?? [1, 2]);
  const { codec, stale_ms = 0, negative_ms } = settings;
  const isWanted = (value: V): boolean =>
    negative_ms !== undefined || (value !== undefined && value !== null);
  const note = (level: 2 | 3, found: boolean): void =>
    void (found ? (statistics.hits[level] += 1) : (statistics.misses[level] += 1));

  const share = (key: string, from: Kept, ticket: Kept | Ticket | undefined): void => {
    if (ticket && !isKept(ticket)) levels.redis?.write(key, from, ticket).catch(ignore);
  };

  const take = (flight: Flight, asked: Asked, from: Kept): Loaded<V> => {
    const value = codec.read(from.text);
    const life_ms = from.fresh_ms + stale_ms;
    if (ground.isTrusted() && !isTouched(from.tags, flight.invalidated))
      remember(levels, settings, { asked, value, from, life_ms });
    return { value, tags: from.tags };
  };

  return async (flight: Flight, key: string, load: Load<V>): Promise<Loaded<V>> => {
    const hits = (levels.memory?.get(key)?.hits ?? 0) / 2;
    const asked: Asked = { key, at: performance.now(), hits };
    const shared = ground.isTrusted() ? await levels.redis?.read(key).catch(ignore) : undefined;
    if (shared) note(2, isKept(shared));
    if (isKept(shared) && !isTouched(shared.tags, flight.invalidated))
      return take(flight, asked, shared);
    const stored = await levels.database?.read(key).catch(ignore);
    if (stored) note(3, isKept(stored));
    if (isKept(stored)) {
      share(key, stored, shared);
      return take(flight, asked, stored);
    }

    statistics.loads += 1;
    const loaded = await load();
    const { value, tags } = loaded;
    if (tags === undefined || !isWanted(value)) return loaded;
    assertTags(tags);
    const { life_ms, fresh_ms } = lifetimeFor(settings, value, hits);
    const from: Kept = { text: codec.write(value), tags, fresh_ms };
    if (stored && !isKept(stored)) levels.database?.write(key, from, stored).catch(ignore);
    if (isTouched(tags, flight.invalidated) || !ground.isTrusted()) return loaded;
    remember(levels, settings, { asked, value, from, life_ms });
    share(key, from, shared);
    return loaded;
  };
};

type Times = Pick<KindSettings<never>, 'name' | 'floor_ms' | 'ceiling_ms' | 'stale_ms'>;

const assertTimes = ({ name, floor_ms, ceiling_ms, stale_ms = 0 }: Times): void => {
  if (floor_ms + stale_ms > ceiling_ms || ceiling_ms > 30 * 60_000)
    throw new Error(`The times of ${name} do not fit together`);
};

/** Where every level is switched off, each caller asks the source. */
const uncached = <V>(): ReadThrough<V> => ({
  get: async (_key, load) => (await load()).value,
  patch: () => undefined,
});

export const createKind = <V>(
  ground: Ground,
  given: KindSettings<V>,
  statistics: KindStatistics,
): ReadThrough<V> => {
  assertTimes(given);
  // JSON gives back what was written, in the type that it had.
  const settings: Settled<V> = { codec: json as Codec<V>, ...given };
  const { name, schema } = settings;
  const fill = createFill(ground, settings, statistics);
  const { memory, redis, database } = levelsOf(ground.levels, settings.levels ?? [1, 2]);
  if (!memory && !redis && !database) return uncached();
  const { flights, load_timeout_ms } = ground;

  const fly = (key: string, load: Load<V>, again: () => V | Promise<V>): Promise<V> =>
    flights.join(
      key,
      (flight) => withDeadline(load_timeout_ms, () => fill(flight, key, load)),
      again,
    );

  const keyOf = (short: string | number): string => `${name}.${schema}:${short}`;

  const get = (short: string | number, load: Load<V>): V | Promise<V> => {
    const key = keyOf(short);
    const entry = memory && ground.isTrusted() ? memory.get(key) : undefined;
    const again = () => get(short, load);
    const now = performance.now();
    if (!entry || now >= entry.gone_at) {
      if (memory) statistics.misses[1] += 1;
      return untilDeadline(fly(key, load, again), load_timeout_ms);
    }
    statistics.hits[1] += 1;
    entry.hits += 1;
    if (now >= entry.fresh_until) {
      statistics.stale += 1;
      // Whoever comes after its end will hear of what is wrong.
      if (!flights.has(key)) fly(key, load, again).catch(ignore);
    }
    // Entries under this key were made by this kind.
    return entry.value as V;
  };
  return {
    get,
    patch(short, change) {
      const entry = memory?.get(keyOf(short));
      if (entry) entry.value = change(entry.value as V);
    },
  };
};
