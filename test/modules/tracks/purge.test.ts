import { beforeEach, describe, expect, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { rest } from '#test/calls.ts';
import { createUser, createWav, type TestUser } from '#test/factories.ts';
import { filesOf, query, runJob, sha256, upload } from '#test/tracks.ts';

const DAY_MS = 86_400_000;
let moved_ms = 0;

const app = await testApp({
  environment: { JWT_EXPIRATION_TIME: '90d', JWT_REFRESH_TIME: '90d', JWT_REFRESH_TTL: '90d' },
  now: () => new Date(Date.now() + moved_ms),
});
const [owner, other] = [await createUser(app), await createUser(app)];

beforeEach(() => {
  moved_ms = 0;
});

const purge = () => runJob(app, 'tracks.purge');

const add = async (content: Buffer, user: TestUser = owner): Promise<number> =>
  (await upload(app, user, { content })).json.data.id;

const remove = (id: number, { token }: TestUser = owner) =>
  rest(app, `/tracks/${id}`, { method: 'DELETE', token });

const restore = (id: number, { token }: TestUser = owner) =>
  rest(app, `/tracks/${id}/restore`, { method: 'POST', token });

const isRow = async (id: number): Promise<boolean> =>
  (await query(app, `select 1 from tracks where id = ${id}`)).length > 0;

/** Whether the bytes have a row, and whether they have a file. */
const bytesOf = async (content: Buffer) => {
  const digest = sha256(content);
  const rows = await query(app, `select 1 from blobs where sha256 = '${digest}'`);
  const files = (await filesOf(app)).filter((path) => path.endsWith(digest));
  return [rows.length, files.length];
};

describe('a deleted track', () => {
  it('is kept for thirty days, and then gone with everything of it', async () => {
    const content = createWav();
    const id = await add(content);
    await query(app, `insert into track_waveforms values (${id}, '{0.5}')`);
    await query(app, `insert into track_plays values (${id}, '2026-01-01', 'user:1')`);
    await remove(id);
    moved_ms = 30 * DAY_MS - 60_000;
    await purge();
    expect([await isRow(id), await bytesOf(content)]).toEqual([true, [1, 1]]);
    moved_ms = 30 * DAY_MS + 60_000;
    expect((await restore(id)).status).toBe(404);
    await purge();
    expect([await isRow(id), await bytesOf(content)]).toEqual([false, [0, 0]]);
    const left = await query(
      app,
      `select 1 from track_waveforms where track_id = ${id}
       union all select 1 from track_plays where track_id = ${id}`,
    );
    expect(left).toEqual([]);
  });

  it('is not gone when it was restored', async () => {
    const content = createWav();
    const id = await add(content);
    await remove(id);
    await restore(id);
    moved_ms = 31 * DAY_MS;
    await purge();
    expect([await isRow(id), await bytesOf(content)]).toEqual([true, [1, 1]]);
  });

  it('leaves its bytes to whoever else has them', async () => {
    const content = createWav();
    const [mine, theirs] = [await add(content), await add(content, other)];
    await remove(mine);
    moved_ms = 31 * DAY_MS;
    await purge();
    expect([await isRow(mine), await bytesOf(content)]).toEqual([false, [1, 1]]);
    const { bytes } = await rest(app, `/tracks/${theirs}/stream`, { token: other.token });
    expect(bytes.equals(content)).toBe(true);
    await remove(theirs, other);
    moved_ms = 62 * DAY_MS;
    await purge();
    expect(await bytesOf(content)).toEqual([0, 0]);
  });

  it('leaves its bytes to the same owner who uploaded them again', async () => {
    const content = createWav();
    const first = await add(content);
    await remove(first);
    const second = await add(content);
    moved_ms = 31 * DAY_MS;
    await purge();
    expect([await isRow(first), await isRow(second)]).toEqual([false, true]);
    expect(await bytesOf(content)).toEqual([1, 1]);
  });
});

it('many are purged by many at once', async () => {
  const contents = Array.from({ length: 8 }, () => createWav());
  const ids = await Promise.all(contents.map((content) => add(content)));
  await Promise.all(ids.map((id) => remove(id)));
  moved_ms = 31 * DAY_MS;
  await Promise.all([purge(), purge(), purge()]);
  expect(await Promise.all(contents.map(bytesOf))).toEqual(contents.map(() => [0, 0]));
});

it('a track uploaded while the same bytes are purged has its bytes', async () => {
  for (let round = 0; round < 30; round += 1) {
    const content = createWav();
    moved_ms = 0;
    await remove(await add(content));
    moved_ms = 31 * DAY_MS;
    const [id] = await Promise.all([add(content, other), purge()]);
    const { status, bytes } = await rest(app, `/tracks/${id}/stream`, { token: other.token });
    expect([status, bytes.equals(content)]).toEqual([200, true]);
    expect(await bytesOf(content)).toEqual([1, 1]);
  }
});

it('staged bytes that nobody came back for are swept, and younger ones are not', async () => {
  const { Readable } = await import('node:stream');
  await app.outside.blobs.stage(Readable.from([createWav()]));
  const before = await filesOf(app);
  await runJob(app, 'storage.sweep');
  expect(await filesOf(app)).toEqual(before);
  expect(await app.outside.blobs.sweep({ older_than_ms: 0 })).toBe(1);
});
