import type { Level } from './entry.ts';

/** What happened since the process started. */
export type KindStatistics = {
  hits: Record<Level, number>;
  misses: Record<Level, number>;
  /** Times that nothing was kept and the source was asked. */
  loads: number;
  /** Answers of a value that was being loaded anew. */
  stale: number;
  /** Values that had to make room in memory. */
  evictions: number;
};

const none = (): KindStatistics => ({
  hits: { 1: 0, 2: 0, 3: 0 },
  misses: { 1: 0, 2: 0, 3: 0 },
  loads: 0,
  stale: 0,
  evictions: 0,
});

export const createStatistics = () => {
  const kinds = new Map<string, KindStatistics>();
  return {
    kinds,
    of(name: string): KindStatistics {
      const known = kinds.get(name) ?? none();
      kinds.set(name, known);
      return known;
    },
  };
};

export type Statistics = ReturnType<typeof createStatistics>;

type Told = { reads: number; hits: number; loads: number; stale: number; evictions: number };

const toldOf = ({ hits, misses, loads, stale, evictions }: KindStatistics): Told => ({
  reads: hits[1] + misses[1],
  hits: hits[1] + hits[2] + hits[3],
  loads,
  stale,
  evictions,
});

const since = (now: Told, before: Told | undefined): Told =>
  before === undefined
    ? now
    : {
        reads: now.reads - before.reads,
        hits: now.hits - before.hits,
        loads: now.loads - before.loads,
        stale: now.stale - before.stale,
        evictions: now.evictions - before.evictions,
      };

type Log = { info(facts: object, said: string): void };

/** Answers a function that logs what was read since it was last called; nothing when that is nothing. */
export const createReport = ({ kinds }: Statistics, bytes: () => number, log: Log) => {
  const before = new Map<string, Told>();
  return (): void => {
    const news: Record<string, Told> = {};
    for (const [name, statistics] of kinds) {
      const told = toldOf(statistics);
      const news_of = since(told, before.get(name));
      before.set(name, told);
      if (news_of.reads > 0) news[name] = news_of;
    }
    if (Object.keys(news).length > 0) log.info({ cache: news, memory_bytes: bytes() }, 'cache');
  };
};
