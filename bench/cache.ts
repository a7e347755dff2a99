// npm run bench:cache: how often reads of tracks as people read them are answered from the cache, and what it saves.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { Client } from 'pg';
import { pino } from 'pino';
import { joinEmbeddedPostgres } from '#platform/embedded-postgres/embedded-postgres.ts';
import { cpuSeconds, type Server, startServer } from './processes.ts';

const FLAGS = ['--max-semi-space-size=8', '--max-old-space-size=200'];
const TRACKS = Number(process.env['BENCH_TRACKS'] ?? 10_000);
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 10);
const CONNECTIONS = 32;

/** The n-th most popular track is read 1/n as often as the first. */
const zipf = (most: number) => {
  const sums = [0];
  for (let rank = 1; rank <= most; rank += 1) sums.push((sums[rank - 1] ?? 0) + 1 / rank);
  const total = sums[most] ?? 0;
  return (): number => {
    const wanted = Math.random() * total;
    let [low, high] = [1, most];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
};

/** Rows as uploads would leave them, without the bytes. */
const insertTracks = async (url: string, user_id: number): Promise<number> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(
    `insert into blobs (sha256, size_bytes) select lpad(to_hex(n), 64, '0'), 20000 from generate_series(1, $1) n`,
    [TRACKS],
  );
  const { rows } = await client.query<{ first: string }>(
    `with made as (
       insert into tracks (user_id, title, description, status, file_path, original_filename, format, content_type,
         size_bytes, sha256, duration_seconds, bitrate, sample_rate, channels, tags, created_at, updated_at)
       select $2, 'Track ' || n, repeat('A field recording from the harbour. ', 5), 'ready', 'x', 'x.wav', 'wav',
         'audio/wav', 20000, lpad(to_hex(n), 64, '0'), 180, 320000, 44100, 2, '["field"]', now(), now()
       from generate_series(1, $1) n returning id)
     select min(id) as first from made`,
    [TRACKS, user_id],
  );
  await client.query('analyze tracks');
  await client.end();
  return Number(rows[0]?.first);
};

const register = async (url: string): Promise<number> => {
  const body = { username: 'bench', email: 'bench@example.com', password: 'quiet-harbour!42' };
  const answer = await fetch(`${url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return ((await answer.json()) as { data: { user: { id: number } } }).data.user.id;
};

const countsOf = async (url: string) => {
  const text = await (await fetch(`${url}/metrics`)).text();
  const read = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
  return {
    hits: read(/^veza_cache_hits_total\{kind="track",level="1"\} (\d+)/m),
    misses: read(/^veza_cache_misses_total\{kind="track",level="1"\} (\d+)/m),
    stale: read(/^veza_cache_stale_total\{kind="track"\} (\d+)/m),
    queries: read(/^veza_db_query_duration_seconds_count\{query="track_by_id"\} (\d+)/m),
    bytes: read(/^veza_cache_memory_bytes (\d+)/m),
  };
};

type Counts = Awaited<ReturnType<typeof countsOf>>;

const none: Counts = { hits: 0, misses: 0, stale: 0, queries: 0, bytes: 0 };

const hitRate = (before: Counts, after: Counts): number => {
  const hits = after.hits - before.hits;
  const reads = hits + after.misses - before.misses;
  return reads === 0 ? 0 : Number((hits / reads).toFixed(4));
};

type Options = { name: string; url: string; environment: Record<string, string> };

const withService = async (
  { name, url, environment }: Options,
  work: (server: Server) => Promise<object>,
): Promise<object> => {
  const folder = await mkdtemp(join(tmpdir(), 'veza-bench-'));
  const server = await startServer({
    script: 'src/main.ts',
    flags: FLAGS,
    probe: '/ready',
    env: {
      DATABASE_URL: url,
      DATABASE_MIGRATION_URL: url,
      DATABASE_POOL_MAX: '20',
      DATA_DIR: folder,
      PORT: '0',
      HOST: '127.0.0.1',
      ENVIRONMENT: 'test',
      RATE_LIMIT_FACTOR: '1000000',
      QUEUE_CONCURRENCY: '0',
      ...environment,
    },
  });
  try {
    return { name, ...(await work(server)) };
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
};

/** Twice for as long: a service that has just started, and one that has been read for a while. */
const readPopular = (first: number) => async (server: Server) => {
  const rank = zipf(TRACKS);
  const setupRequest = (request: autocannon.Request): autocannon.Request => ({
    ...request,
    path: `/api/v1/tracks/${first - 1 + rank()}`,
  });
  const read = () =>
    autocannon({
      url: server.url,
      connections: CONNECTIONS,
      duration: SECONDS,
      requests: [{ method: 'GET', setupRequest }],
    });
  await read();
  const before = await countsOf(server.url);
  const cpu = await cpuSeconds(server.pid);
  const result = await read();
  const used = (await cpuSeconds(server.pid)) - cpu;
  const after = await countsOf(server.url);
  return {
    requests_per_second: Math.round(result.requests.total / result.duration),
    p50_ms: result.latency.p50,
    p99_ms: result.latency.p99,
    cpu_us_per_request: Math.round((used / result.requests.total) * 1e6),
    cold_hit_rate: hitRate(none, before),
    hit_rate: hitRate(before, after),
    stale: after.stale - before.stale,
    queries: after.queries - before.queries,
    cache_mib: Number((after.bytes / 2 ** 20).toFixed(1)),
    errors: result.errors + result.non2xx,
  };
};

/** So many who ask for one track at the same moment; nobody has read it before. */
const readAtOnce = (id: number) => async (server: Server) => {
  await fetch(`${server.url}/api/v1/tracks/${id + 1}`);
  const before = (await countsOf(server.url)).queries;
  const answers = await Promise.all(
    Array.from({ length: 500 }, () => fetch(`${server.url}/api/v1/tracks/${id}`)),
  );
  const { queries } = await countsOf(server.url);
  return {
    answered: answers.filter(({ status }) => status === 200).length,
    queries: queries - before,
  };
};

const folder = await mkdtemp(join(tmpdir(), 'veza-bench-'));
const database = await joinEmbeddedPostgres({
  folder: join(folder, 'postgres'),
  log: pino({ level: 'warn' }),
});
try {
  const { migration_url: url } = database;
  let first = 0;
  await withService({ name: 'rows', url, environment: {} }, async (server) => {
    first = await insertTracks(url, await register(server.url));
    return {};
  });
  const off = { CACHE_ENABLE_LEVEL1: 'false', CACHE_ENABLE_LEVEL2: 'false' };
  const redis_url = process.env['BENCH_REDIS_URL'];
  console.table([
    await withService({ name: 'no cache', url, environment: off }, readPopular(first)),
    await withService({ name: 'memory', url, environment: {} }, readPopular(first)),
    ...(redis_url
      ? [
          await withService(
            { name: 'memory and Redis', url, environment: { REDIS_URL: redis_url } },
            readPopular(first),
          ),
        ]
      : []),
  ]);
  console.table([
    await withService({ name: '500 misses at once', url, environment: {} }, readAtOnce(first)),
  ]);
} finally {
  await database.leave();
  await rm(folder, { recursive: true, force: true });
}
