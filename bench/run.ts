import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { pino } from 'pino';
import { joinEmbeddedPostgres } from '#platform/embedded-postgres/embedded-postgres.ts';
import { type Figure, type Load, measure, summarise } from './load.ts';
import { peakResidentBytes, type Server, startServer } from './processes.ts';
import { trackQuery } from './sql.ts';
import { measureTransfers, noise } from './transfers.ts';

/** The flags of `npm start`. */
const FLAGS = ['--max-semi-space-size=8', '--max-old-space-size=200'];
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 5);
/** Names of loads to leave the others out, for a quick look. */
const WANTED = (process.env['BENCH_LOADS'] ?? '').split(',').filter(Boolean);
const CONNECTIONS = 32;
const TRACKS = 40;
const TRANSFER_BYTES = 100_000_000;
const PASSWORD = 'quiet-harbour!42';

const post = async (url: string, body: string | FormData, headers: Record<string, string>) => {
  const answer = await fetch(url, { method: 'POST', body, headers });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return ((await answer.json()) as { data: never }).data;
};

type Account = { access_token: string; user: { email: string } };

const register = (url: string, name: string): Promise<Account> =>
  post(
    `${url}/api/v1/auth/register`,
    JSON.stringify({ username: name, email: `${name}@example.com`, password: PASSWORD }),
    { 'content-type': 'application/json' },
  );

type Tracks = {
  /** Still being processed: its owner's alone. */
  own: number;
  /** Ready and for everyone. */
  hot: number;
};

/** Enough for a page. */
const addTracks = async (url: string, token: string): Promise<Tracks> => {
  const ids: number[] = [];
  for (let made = 0; made < TRACKS; made += 1) {
    const form = new FormData();
    form.append('file', new Blob([new Uint8Array(noise(20_000))]), `track ${made}.wav`);
    form.append('description', 'A field recording from the harbour, late in the evening.');
    const { id } = await post(`${url}/api/v1/tracks`, form, { authorization: `Bearer ${token}` });
    ids.push(id);
  }
  const [own = 0, hot = 0] = ids;
  await makeReady(hot);
  return { own, hot };
};

/** As the analysis would leave it. */
const makeReady = async (id: number): Promise<void> => {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  await client.query(`update tracks set status = 'ready', duration_seconds = 1 where id = ${id}`);
  await client.end();
};

const LOGIN_ACCOUNTS = 200;

const addLogins = async (url: string): Promise<Load['requests']> => {
  const names = Array.from({ length: LOGIN_ACCOUNTS }, (_, index) => `bench${index}`);
  for (const name of names) await register(url, name);
  return names.map((username) => ({
    method: 'POST',
    path: '/api/v1/auth/login',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: PASSWORD }),
  }));
};

const common = { connections: CONNECTIONS, seconds: SECONDS };

/** Ours asks the database each time, as the plain route does; the caching one is as it comes. */
type Servers = { plain: Server; ours: Server; caching: Server };

const trpc = (id: number): string =>
  `/trpc/tracks.byId?input=${encodeURIComponent(JSON.stringify({ id }))}`;

const readsOf = (
  { plain, ours, caching }: Servers,
  { own, hot, token }: Tracks & { token: string },
) => {
  const headers = { authorization: `Bearer ${token}` };
  // Clients that may be answered by a stream are left to tRPC's own adapter.
  const streaming = { ...headers, 'trpc-accept': 'application/json' };
  const read = (name: string, request: Load['requests'][number], server = ours): Load => ({
    ...common,
    name,
    server,
    requests: [request],
  });
  return [
    read('plain route', { path: `/tracks/${own}` }, plain),
    read('REST read', { path: `/api/v1/tracks/${own}`, headers }),
    read('REST hot read', { path: `/api/v1/tracks/${hot}`, headers }, caching),
    read('tRPC read', { path: trpc(own), headers }),
    read('tRPC by adapter', { path: trpc(own), headers: streaming }),
    read('tRPC hot read', { path: trpc(hot), headers }, caching),
    read('tRPC hot by adapter', { path: trpc(hot), headers: streaming }, caching),
    read('REST list of 20', { path: '/api/v1/users/me/tracks', headers }),
  ];
};

const loadsOf = async (servers: Servers): Promise<{ loads: Load[]; token: string }> => {
  const { ours } = servers;
  const { access_token: token } = await register(ours.url, 'bench');
  const tracks = await addTracks(ours.url, token);
  const reads = readsOf(servers, { ...tracks, token });
  if (WANTED.length > 0) return { loads: reads.filter(({ name }) => WANTED.includes(name)), token };
  const requests = await addLogins(ours.url);
  const login = { ...common, name: 'login', server: ours, requests, connections: 4 };
  return { loads: [...reads, login], token };
};

/** Round by round, so that whatever disturbs the machine disturbs all alike. */
const measureAll = async (loads: Load[]): Promise<Figure[]> => {
  const rounds: Figure[][] = [];
  for (const load of loads) await measure({ ...load, seconds: 2 });
  for (let round = 0; round < ROUNDS; round += 1) {
    const figures: Figure[] = [];
    for (const load of loads) figures.push(await measure(load));
    rounds.push(figures);
  }
  return loads.map((_, index) => summarise(rounds.map((figures) => figures[index] as Figure)));
};

const printFigures = (figures: Figure[]): void => {
  const base = figures[0];
  console.table(
    figures.map((figure) => ({
      ...figure,
      ratio: base && Number((figure.requests_per_second / base.requests_per_second).toFixed(2)),
      cpu_ratio: base && Number((base.cpu_us_per_request / figure.cpu_us_per_request).toFixed(2)),
    })),
  );
};

const folder = await mkdtemp(join(tmpdir(), 'veza-bench-'));
const database = await joinEmbeddedPostgres({
  folder: join(folder, 'postgres'),
  log: pino({ level: 'warn' }),
});
const startOurs = (settings: Record<string, string> = {}): Promise<Server> =>
  startServer({
    script: 'src/main.ts',
    flags: FLAGS,
    probe: '/ready',
    env: {
      DATABASE_URL: database.url,
      DATABASE_MIGRATION_URL: database.migration_url,
      DATABASE_POOL_MAX: '20',
      DATA_DIR: folder,
      PORT: '0',
      GRPC_PORT: '0',
      HOST: '127.0.0.1',
      ENVIRONMENT: 'test',
      RATE_LIMIT_FACTOR: '1000000',
      QUEUE_CONCURRENCY: '0',
      ...settings,
    },
  });
const levels = ['CACHE_ENABLE_LEVEL1', 'CACHE_ENABLE_LEVEL2', 'CACHE_ENABLE_LEVEL3'];
const ours = await startOurs(Object.fromEntries(levels.map((name) => [name, 'false'])));
const caching = await startOurs();
const { text, constants } = await trackQuery();
const plain = await startServer({
  script: 'bench/plain-server.ts',
  flags: FLAGS,
  probe: '/live',
  env: { DATABASE_URL: database.url, SQL_TEXT: text, SQL_VALUES: JSON.stringify(constants) },
});
try {
  const { loads, token } = await loadsOf({ plain, ours, caching });
  const figures = await measureAll(loads);
  const transfers =
    WANTED.length > 0 ? [] : await measureTransfers(ours.url, token, TRANSFER_BYTES);
  const resident_mb = Math.round((await peakResidentBytes(ours.pid)) / 1e6);
  printFigures(figures);
  console.table(transfers);
  console.log(`Most resident memory of the service: ${resident_mb} MB`);
  const result = {
    node: process.version,
    rounds: ROUNDS,
    seconds: SECONDS,
    figures,
    transfers,
    resident_mb,
  };
  await mkdir('bench/results', { recursive: true });
  if (WANTED.length === 0)
    await writeFile('bench/results/latest.json', `${JSON.stringify(result, null, 2)}\n`);
} finally {
  await Promise.all([ours.stop(), caching.stop(), plain.stop()]);
  await database.leave();
  await rm(folder, { recursive: true, force: true });
}
