import type { Readable } from 'node:stream';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from '@prometheus-io/client';
import type { Pool } from 'pg';
import type { KindStatistics } from './cache/statistics.ts';
import type { QueryEnded } from './postgres/pool.ts';

const CALL_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5];
const QUERY_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5];

const queryMetrics = (registers: Registry[]) => {
  const seconds = new Histogram({
    name: 'veza_db_query_duration_seconds',
    help: 'Time of database statements, by name',
    labelNames: ['query'],
    buckets: QUERY_SECONDS,
    registers,
  });
  const failures = new Counter({
    name: 'veza_db_query_failures_total',
    help: 'Database statements that failed, by name',
    labelNames: ['query'],
    registers,
  });
  /** A series is looked up once: labels cost more than the observation. */
  const series = new Map<string, ReturnType<typeof seconds.labels>>();
  return ({
    name,
    duration_ms,
    failed,
  }: Pick<QueryEnded, 'name' | 'duration_ms' | 'failed'>): void => {
    let named = series.get(name);
    if (!named) series.set(name, (named = seconds.labels({ query: name })));
    named.observe(duration_ms / 1000);
    if (failed) failures.inc({ query: name });
  };
};

const transferMetrics = (registers: Registry[]) => {
  const uploaded = new Counter({
    name: 'veza_upload_bytes_total',
    help: 'Bytes of files that were taken',
    registers,
  });
  const uploads = new Counter({
    name: 'veza_uploads_total',
    help: 'Files that were taken',
    registers,
  });
  const streamed = new Counter({
    name: 'veza_stream_bytes_total',
    help: 'Bytes of media that were read for callers',
    registers,
  });
  const streams = new Gauge({
    name: 'veza_streams_open',
    help: 'Media being sent at this moment',
    registers,
  });
  return {
    uploaded(bytes: number): void {
      uploads.inc();
      uploaded.inc(bytes);
    },
    streaming(content: Readable): Readable {
      streams.inc();
      content.once('close', () => {
        streams.dec();
        if ('bytesRead' in content && typeof content.bytesRead === 'number')
          streamed.inc(content.bytesRead);
      });
      return content;
    },
  };
};

const grpcMetrics = (registers: Registry[]) => {
  const seconds = new Histogram({
    name: 'veza_grpc_call_duration_seconds',
    help: 'Time of gRPC calls, by method and status',
    labelNames: ['method', 'status'],
    buckets: CALL_SECONDS,
    registers,
  });
  const open = new Gauge({
    name: 'veza_grpc_calls_open',
    help: 'gRPC calls that have not ended',
    registers,
  });
  const series = new Map<string, ReturnType<typeof seconds.labels>>();
  return {
    began: (): void => open.inc(),
    ended({ method, status, ms }: { method: string; status: string; ms: number }): void {
      open.dec();
      const name = `${method} ${status}`;
      let named = series.get(name);
      if (!named) series.set(name, (named = seconds.labels({ method, status })));
      named.observe(ms / 1000);
    },
  };
};

type Described = { name: string; help: string };

/** Read when it is asked for. */
const gauge = (registers: Registry[], { name, help }: Described, read: () => number) =>
  new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(read());
    },
  });

type CacheStatistics = () => { kinds: ReadonlyMap<string, KindStatistics>; memory_bytes: number };

type CacheCounter = {
  name: string;
  help: string;
  series: (of: KindStatistics) => [labels: Record<string, string>, count: number][];
};

const levels = [1, 2, 3] as const;

const cacheCounters: CacheCounter[] = [
  {
    name: 'veza_cache_hits_total',
    help: 'Values that a level of the cache had: 1 memory, 2 Redis, 3 PostgreSQL',
    series: ({ hits }) => levels.map((level) => [{ level: String(level) }, hits[level]]),
  },
  {
    name: 'veza_cache_misses_total',
    help: 'Values that a level of the cache was asked for and did not have',
    series: ({ misses }) => levels.map((level) => [{ level: String(level) }, misses[level]]),
  },
  {
    name: 'veza_cache_loads_total',
    help: 'Values that no level had',
    series: ({ loads }) => [[{}, loads]],
  },
  {
    name: 'veza_cache_stale_total',
    help: 'Values that were answered while they were loaded anew',
    series: ({ stale }) => [[{}, stale]],
  },
  {
    name: 'veza_cache_evictions_total',
    help: 'Values that had to make room in memory',
    series: ({ evictions }) => [[{}, evictions]],
  },
];

/** Counted by the cache itself, and read when it is asked for. */
const cacheMetrics = (registers: Registry[], statistics: CacheStatistics): void => {
  const counter = ({ name, help, series }: CacheCounter) =>
    new Counter({
      name,
      help,
      labelNames: ['kind', 'level'],
      registers,
      collect() {
        this.reset();
        for (const [kind, counted] of statistics().kinds)
          for (const [labels, count] of series(counted)) this.inc({ kind, ...labels }, count);
      },
    });
  cacheCounters.forEach(counter);
  const help = 'About what cached values take of the memory of this process';
  gauge(registers, { name: 'veza_cache_memory_bytes', help }, () => statistics().memory_bytes);
};

/** What this process counts, in a registry of its own. */
export const createMetrics = ({ version }: { version: string }) => {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'veza_build_info',
    help: 'The running version',
    labelNames: ['version'],
    registers,
  }).set({ version }, 1);
  return {
    registry,
    query: queryMetrics(registers),
    transfers: transferMetrics(registers),
    watchCache: (statistics: CacheStatistics): void => cacheMetrics(registers, statistics),
    grpc: grpcMetrics(registers),
    watchPool(pool: Pick<Pool, 'totalCount' | 'idleCount' | 'waitingCount'>): void {
      const help = 'Connections of the database pool: all, unused, and requests that wait for one';
      const connections = (name: string, read: () => number) =>
        gauge(registers, { name, help }, read);
      connections('veza_db_connections', () => pool.totalCount);
      connections('veza_db_connections_idle', () => pool.idleCount);
      connections('veza_db_connections_waiting', () => pool.waitingCount);
    },
  };
};

export type Metrics = ReturnType<typeof createMetrics>;
