import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { locateBinaries } from '#platform/embedded-postgres/binaries.ts';
import { withLock } from '#platform/embedded-postgres/lock.ts';
import { isOpenToOthers } from '#platform/embedded-postgres/runner.ts';
import {
  createFolder,
  findServer,
  joinFolder,
  killMember,
  query,
  removeFolder,
  spawnMember,
  stopServer,
  untilJoined,
} from '#test/embedded-postgres.ts';

const isRoot = process.getuid?.() === 0;
const nobody = { uid: 65_534, gid: 65_534 };
const canBeReadByNobody = isRoot && (await isOpenToOthers(import.meta.dirname));

/** Making a cluster takes a second; on a machine under load, several. */
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

/** Made once; each test finds its server stopped. */
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'veza-test-'));
  const server = await joinFolder(folder);
  expect(server.started).toBe('created');
  await query(server.migration_url, 'create table notes (body text)');
  await query(server.url, `insert into notes values ('kept')`);
  await server.leave();
});
beforeEach(() => stopServer(folder));
afterAll(() => removeFolder(folder));

const codeOf = (refused: string) => expect.objectContaining({ code: refused });

/** Joins as a member that leaves, at the latest, when the test is over. */
const enter: typeof joinFolder = async (...how) => {
  const server = await joinFolder(...how);
  onTestFinished(server.leave);
  return server;
};

describe('a cluster', () => {
  it('keeps its rows and its port over a stop', async () => {
    const server = await enter(folder);
    expect(server.started).toBe('started');
    expect(await query(server.url, 'select body from notes')).toEqual([{ body: 'kept' }]);
    await server.leave();
    expect(await findServer(folder)).toBeUndefined();

    const again = await enter(folder);
    expect([again.started, again.port]).toEqual(['started', server.port]);
  });

  it('lets the application touch rows only, and the owner of the database not be superuser', async () => {
    const { url, migration_url } = await enter(folder);
    const denied = codeOf('42501');
    await expect(query(url, 'create table mine ()')).rejects.toEqual(denied);
    await expect(query(url, 'create temporary table mine ()')).rejects.toEqual(denied);
    await expect(query(url, 'truncate notes')).rejects.toEqual(denied);
    await expect(query(url, `copy notes to program 'true'`)).rejects.toEqual(denied);
    await expect(query(migration_url, `select pg_read_file('PG_VERSION')`)).rejects.toEqual(denied);

    await query(migration_url, 'create schema jobs; create table jobs.queue (id bigserial)');
    expect(await query(url, 'insert into jobs.queue default values returning id')).toHaveLength(1);
    expect(await query(url, 'update jobs.queue set id = 2 returning id')).toHaveLength(1);
  });

  it('has the extensions, which migrations may ask for again', async () => {
    const { url, migration_url } = await enter(folder);
    for (const name of ['pg_trgm', 'unaccent', 'citext', 'pg_stat_statements'])
      await query(migration_url, `create extension if not exists ${name}`);
    expect(await query(url, 'select from pg_stat_statements limit 1')).toHaveLength(1);
  });

  it('opens to a password only, on the loopback only, and keeps its secrets to itself', async () => {
    const { url } = await enter(folder);
    const wrong = url.replace(/:[^:@]+@/u, ':wrong@');
    await expect(query(wrong, 'select 1')).rejects.toEqual(codeOf('28P01'));
    expect(await query(url, 'show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    expect((await stat(join(folder, 'credentials.json'))).mode & 0o077).toBe(0);
  });

  it('is made anew when its making was interrupted', async () => {
    const empty = await createFolder();
    const child = spawnMember(empty);
    const draft = expect.stringMatching(/^data\./u);
    await expect.poll(() => readdir(empty), { interval: 5, timeout: 10_000 }).toContainEqual(draft);
    await killMember(child);

    const server = await enter(empty);
    expect(server.started).toBe('created');
    const names = await readdir(empty);
    expect(names.filter((name) => /^(?:data|lock)\./u.test(name))).toEqual([]);
    await server.leave();
  });
});

describe('membership', () => {
  it('adopts the server of an owner that was killed', async () => {
    const owner = await untilJoined(spawnMember(folder));
    await killMember(owner.child);

    const server = await enter(folder);
    expect([server.started, server.url]).toEqual(['adopted', owner.url]);
    await server.leave();
    expect(await findServer(folder)).toBeUndefined();
  });

  it('stops the server when the last one leaves, not before', async () => {
    const server = await enter(folder);
    const other = await untilJoined(spawnMember(folder));
    expect([other.started, other.url]).toEqual(['joined', server.url]);
    await server.leave();
    expect(await query(other.url, 'select 1 as one')).toEqual([{ one: 1 }]);

    other.child.stdin.end();
    await once(other.child, 'exit');
    expect(await findServer(folder)).toBeUndefined();
  });

  it('makes one cluster when two start in an empty folder at once', async () => {
    const empty = await createFolder();
    const both = await Promise.all([
      untilJoined(spawnMember(empty)),
      untilJoined(spawnMember(empty)),
    ]);
    expect(both.map(({ started }) => started).toSorted()).toEqual(['created', 'joined']);
    expect(both[0].url).toBe(both[1].url);
  });

  it('lets one at a time hold the lock, and frees it from the dead', async () => {
    const empty = await createFolder();
    await mkdir(join(empty, 'lock'));
    await writeFile(join(empty, 'lock', '4194305-1.dead-0'), '');
    let inside = 0;
    const hold = async () => {
      inside += 1;
      await setTimeout(1);
      return inside--;
    };
    const seen = await Promise.all(Array.from({ length: 8 }, () => withLock(empty, hold)));
    expect(Math.max(...seen)).toBe(1);
  });

  it('is given up on request', async () => {
    const owner = await enter(folder);
    const gone = AbortSignal.abort();
    await expect(joinFolder(folder, { signal: gone })).rejects.toBe(gone.reason);
    await owner.leave();
    expect(await findServer(folder)).toBeUndefined();
  });
});

describe('a server that dies', () => {
  it('runs again on the same port, for every member', async () => {
    const server = await enter(folder);
    const other = await enter(folder);
    const before = await findServer(folder);
    process.kill(before?.pid ?? Number.NaN, 'SIGKILL');

    const rows = () => query(server.url, 'select body from notes').catch(() => []);
    await expect.poll(rows, { timeout: 20_000 }).toHaveLength(1);
    const after = await findServer(folder);
    expect(after?.port).toBe(server.port);
    expect(after?.pid).not.toBe(before?.pid);
    await Promise.all([server.leave(), other.leave()]);
    expect(await findServer(folder)).toBeUndefined();
  });

  it('does not keep the next one from starting when its pid went to somebody else', async () => {
    const remains = `${process.pid}\n${join(folder, 'data')}\n1\n5432\n\n127.0.0.1\n1 1\nready\n`;
    await writeFile(join(folder, 'data/postmaster.pid'), remains);
    const server = await enter(folder);
    expect(server.started).toBe('started');
  });
});

const ownerOf = async (path: string): Promise<number> => {
  const server = await findServer(path);
  const status = await readFile(`/proc/${server?.pid}/status`, 'utf8');
  return Number(/^Uid:\t(\d+)/mu.exec(status)?.[1]);
};

describe('the user of the server', () => {
  it.runIf(isRoot)('is another one where root is refused a namespace', async () => {
    const empty = await createFolder();
    const server = await enter(empty, { unshare: 'false' });
    expect(server.started).toBe('created');
    expect(await ownerOf(empty)).toBe(nobody.uid);
    await server.leave();

    const again = await enter(empty, { unshare: 'false' });
    expect([again.started, again.port]).toEqual(['started', server.port]);
  });

  it.runIf(isRoot)('reaches binaries only root can read and whose links are missing', async () => {
    const closed = await mkdtemp(join(tmpdir(), 'veza-test-'));
    onTestFinished(() => rm(closed, { recursive: true }));
    await promisify(execFile)('cp', ['-a', locateBinaries(), closed]);
    await rm(join(closed, 'native/lib/libicuuc.so.60'), { force: true });

    const inside = join(closed, 'folder');
    onTestFinished(() => removeFolder(inside));
    const native = join(closed, 'native');
    const server = await enter(inside, { native, unshare: 'false' });
    expect(await ownerOf(inside)).toBe(nobody.uid);
    await server.leave();
  });

  it.runIf(canBeReadByNobody)('is whoever starts it, unless that is root', async () => {
    const empty = await createFolder();
    await chown(empty, nobody.uid, nobody.gid);
    const member = await untilJoined(spawnMember(empty, nobody));
    expect(member.started).toBe('created');
    expect(await ownerOf(empty)).toBe(nobody.uid);
  });
});

const createForeign = async (version: string) => {
  const foreign = await createFolder();
  await mkdir(join(foreign, 'data'), { mode: 0o700 });
  await writeFile(join(foreign, 'data/PG_VERSION'), version);
  return foreign;
};

describe('a failure', () => {
  it('of an initialisation is told', async () => {
    const empty = await createFolder();
    const refused = joinFolder(empty, { native: join(empty, 'none') });
    await expect(refused).rejects.toEqual(codeOf('EMBEDDED_POSTGRES_INIT_FAILED'));
  });

  it('of a start is told, and leaves neither server nor lock', async () => {
    const foreign = await createForeign('9.6\n');
    const passwords = await readFile(join(folder, 'credentials.json'));
    await writeFile(join(foreign, 'credentials.json'), passwords);
    const refused = joinFolder(foreign);
    await expect(refused).rejects.toEqual(codeOf('EMBEDDED_POSTGRES_START_FAILED'));
    expect(await findServer(foreign)).toBeUndefined();
    expect(await readdir(join(foreign, 'lock'))).toEqual([]);
  });

  it('of passwords that are gone is told before anything starts', async () => {
    const refused = joinFolder(await createForeign('18\n'));
    await expect(refused).rejects.toEqual(codeOf('EMBEDDED_POSTGRES_UNUSABLE'));
  });

  it('leaves data it does not know alone', async () => {
    const empty = await createFolder();
    await mkdir(join(empty, 'data'));
    await writeFile(join(empty, 'data/precious'), '');
    await expect(joinFolder(empty)).rejects.toEqual(codeOf('EMBEDDED_POSTGRES_UNUSABLE'));
    expect(await readdir(join(empty, 'data'))).toEqual(['precious']);
  });
});
