// node test/faults/database-loss.run.ts: what callers see while the database stands still, is away or is killed.
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { joinEmbeddedPostgres } from '#platform/embedded-postgres/embedded-postgres.ts';
import { findPostmaster } from '#platform/embedded-postgres/postmaster.ts';
import { type Call, countBy, percentile_ms, print, slowest_ms, startLoad } from '#test/load.ts';
import { createWav } from '#test/factories.ts';
import { fileForm, type Service, signUp, startService } from '#test/service.ts';

const AWAY_MS = 10_000;
const CLIENTS = Number(process.env['CLIENTS'] ?? 20);
const silent = { info: () => undefined, warn: () => undefined };

type Outage = { begin: () => Promise<void> | void; end: () => Promise<void> | void };
type User = Awaited<ReturnType<typeof signUp>>;

const pidOf = async (folder: string): Promise<number> => {
  const server = await findPostmaster(join(folder, 'data'));
  if (!server) throw new Error('No server runs');
  return server.pid;
};

const childrenOf = (pid: number): number[] =>
  execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(Number);

const signalAll = (pid: number, signal: NodeJS.Signals): void => {
  for (const each of [pid, ...childrenOf(pid)]) process.kill(each, signal);
};

/** Reads and writes, of members and strangers; the writes are told apart by who made them. */
const mix = (users: readonly User[], track_id: number) => {
  let made = 0;
  return (client: number): Call => {
    made += 1;
    const token = users[client % users.length]?.token ?? '';
    const calls: Call[] = [
      { path: '/api/v1/users/me', token },
      { path: '/api/v1/tracks' },
      { method: 'PUT', path: '/api/v1/users/me', token, body: { bio: `change ${made}` } },
      { path: `/api/v1/tracks/${track_id}`, token },
      {
        method: 'POST',
        path: `/api/v1/tracks/${track_id}/plays`,
        token,
        body: { listened_seconds: 300 },
      },
    ];
    return calls[made % calls.length] ?? { path: '/live' };
  };
};

/** Changes of a profile and their audit records are made together: as many of one as of the other. */
const findHalves = async (database_url: string): Promise<unknown[]> => {
  const client = new Client({ connectionString: database_url });
  await client.connect();
  const { rows } = await client.query(
    `select id, version, (select count(*)::int from audit_records a
       where a.user_id = users.id and a.event_type = 'profile_updated') as changes
     from users`,
  );
  const { rows: plays } = await client.query(
    `select id, play_count, (select count(*)::int from track_plays p where p.track_id = t.id) as plays
     from tracks t`,
  );
  await client.end();
  return [
    ...rows.filter(({ version, changes }) => version !== changes + 1),
    ...plays.filter(({ play_count, plays }) => play_count !== plays),
  ];
};

/** A track that everyone may hear. */
const addTrack = async (url: string, token: string): Promise<number> => {
  const headers = { authorization: `Bearer ${token}` };
  const body = fileForm(createWav());
  const answer = await fetch(`${url}/api/v1/tracks`, { method: 'POST', headers, body });
  const { data } = (await answer.json()) as { data: { id: number } };
  for (;;) {
    const { ok } = await fetch(`${url}/api/v1/tracks/${data.id}`);
    if (ok) return data.id;
    await wait(100);
  }
};

const measure = async (title: string, service: Service, outage: Outage, database_url: string) => {
  const users: User[] = [];
  for (let n = 0; n < 10; n += 1) users.push(await signUp(service.url));
  const [owner] = users;
  const track_id = await addTrack(service.url, owner?.token ?? '');
  const load = startLoad(service.url, CLIENTS, mix(users, track_id));
  const probes = startLoad(service.url, 1, () => ({ path: '/live' }), 20);
  await wait(3000);
  const began = performance.now();
  await outage.begin();
  await wait(AWAY_MS);
  await outage.end();
  const healed = performance.now();
  await wait(5000);
  const [samples, live] = [await load.stop(), await probes.stop()];

  const during = samples.filter((s) => s.sent_at + s.ms > began && s.sent_at < healed);
  const before = samples.filter((s) => s.sent_at + s.ms <= began);
  const refused = during.filter(({ status }) => status === 503);
  const first = (write: boolean) =>
    samples
      .filter((s) => s.sent_at + s.ms > healed && s.status < 300 && s.status > 0)
      .filter((s) => !write || s.name.startsWith('PUT'))
      .reduce((least, s) => Math.min(least, s.sent_at + s.ms - healed), Infinity);
  const last = samples
    .filter((s) => s.sent_at > healed && s.status >= 500)
    .reduce((most, s) => Math.max(most, s.sent_at + s.ms - healed), 0);
  print(`\n${title}`);
  print(`  before: ${before.length} answers, p99 ${percentile_ms(before, 0.99)} ms`);
  print(
    `  away:   ${during.length} answers ${JSON.stringify(countBy(during, ({ status, fault }) => fault ?? status))}`,
  );
  print(
    `  slowest answer ${slowest_ms(during)} ms, p99 ${percentile_ms(during, 0.99)} ms (at most 2500)`,
  );
  for (const [name, count] of Object.entries(countBy(during, ({ name }) => name)))
    print(`    ${name}: ${count}, slowest ${slowest_ms(during.filter((s) => s.name === name))} ms`);
  print(
    `  503 without Retry-After: ${refused.filter(({ retry_after }) => !retry_after).length} of ${refused.length}`,
  );
  print(`  slowest /live ${slowest_ms(live)} ms of ${live.length}`);
  print(
    `  healed: first read or write ${first(false).toFixed(0)} ms, first write ${first(true).toFixed(0)} ms, last 5xx ${last.toFixed(0)} ms (at most 3000)`,
  );
  print(
    `  after: ${JSON.stringify(
      countBy(
        samples.filter((s) => s.sent_at > healed),
        ({ status, fault }) => fault ?? status,
      ),
    )}`,
  );
  const health = await fetch(`${service.url}/ready`);
  print(
    `  ready afterwards: ${health.status}; half-committed: ${JSON.stringify(await findHalves(database_url))}`,
  );
};

const withFolder = async (work: (folder: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'veza-run-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** The embedded server of the service stands still, children and all. */
const standstill = () =>
  withFolder(async (folder) => {
    const service = await startService(folder);
    const postgres = await joinEmbeddedPostgres({ folder: join(folder, 'postgres'), log: silent });
    const pid = await pidOf(join(folder, 'postgres'));
    await measure(
      'SIGSTOP of the embedded server for 10 s',
      service,
      { begin: () => signalAll(pid, 'SIGSTOP'), end: () => signalAll(pid, 'SIGCONT') },
      postgres.url,
    );
    await postgres.leave();
    print(`  stopped: ${JSON.stringify(await service.stop())}`);
  });

/** A server that is not ours to restart: stopped and started again on its port. */
const absence = (how: 'stop' | 'kill') =>
  withFolder(async (folder) => {
    const enter = () => joinEmbeddedPostgres({ folder: join(folder, 'postgres'), log: silent });
    let postgres = await enter();
    const { url, migration_url } = postgres;
    const environment = { DATABASE_URL: url, DATABASE_MIGRATION_URL: migration_url };
    const service = await startService(folder, environment);
    const leave = () => postgres.leave();
    const kill = async () => {
      const pid = await pidOf(join(folder, 'postgres'));
      const leaving = postgres.leave();
      process.kill(pid, 'SIGKILL');
      await leaving;
    };
    const begin = how === 'stop' ? leave : kill;
    const end = async () => {
      postgres = await enter();
    };
    await measure(`${how} of a server of its own for 10 s`, service, { begin, end }, url);
    print(`  stopped: ${JSON.stringify(await service.stop())}`);
    await postgres.leave();
  });

/** Killed, the embedded server is started again by its members. */
const crash = () =>
  withFolder(async (folder) => {
    const service = await startService(folder);
    const postgres = await joinEmbeddedPostgres({ folder: join(folder, 'postgres'), log: silent });
    const pid = await pidOf(join(folder, 'postgres'));
    const begin = () => void process.kill(pid, 'SIGKILL');
    await measure(
      'kill -9 of the embedded server',
      service,
      { begin, end: () => undefined },
      postgres.url,
    );
    await postgres.leave();
    print(`  stopped: ${JSON.stringify(await service.stop())}`);
  });

const scenarios = { standstill, stop: () => absence('stop'), kill: () => absence('kill'), crash };
const chosen = process.argv.slice(2);
for (const [name, run] of Object.entries(scenarios))
  if (chosen.length === 0 || chosen.includes(name)) await run();
