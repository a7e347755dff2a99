import { describe, expect, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { rest, trpc } from '#test/calls.ts';
import { createTrack, createUser, createWav, setAccount, setReady } from '#test/factories.ts';
import type { TestUser } from '#test/factories.ts';
import { query, upload, withoutMeta } from '#test/tracks.ts';

const app = await testApp();
const [owner, other] = [await createUser(app), await createUser(app)];

const created = async (fields: Record<string, string> = {}, user = owner) => {
  const track = await createTrack(app, user, fields);
  await setReady(app, track.id);
  return track.id as number;
};

const call = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, user?: TestUser) => ({
  with: (body?: unknown, headers: Record<string, string> = {}) =>
    rest(app, path, { method, token: user?.token, body, headers }),
});

const read = (id: number, user?: TestUser) => rest(app, `/tracks/${id}`, { token: user?.token });
const remove = (id: number, user: TestUser = owner) => call('DELETE', `/tracks/${id}`, user).with();
const restore = (id: number, user: TestUser = owner) =>
  call('POST', `/tracks/${id}/restore`, user).with();

const missing = withoutMeta(await read(999_999_999));

describe('who sees a track', () => {
  const outcomes = [
    { visibility: 'public', status: 'ready', others: 200 },
    { visibility: 'unlisted', status: 'ready', others: 200 },
    { visibility: 'private', status: 'ready', others: 404 },
    { visibility: 'public', status: 'processing', others: 404 },
    { visibility: 'unlisted', status: 'failed', others: 404 },
    { visibility: 'private', status: 'processing', others: 404 },
  ];

  it.each(outcomes)('$visibility and $status', async ({ visibility, status, others }) => {
    const id = await created({ visibility });
    await query(app, `update tracks set status = '${status}' where id = ${id}`);
    expect((await read(id, owner)).status).toBe(200);
    for (const caller of [other, undefined])
      for (const path of ['', '/waveform', '/stats', '/stream', '/stream-url']) {
        const answer = await rest(app, `/tracks/${id}${path}`, { token: caller?.token });
        expect(answer.status).toBe(others);
        if (others === 404) expect(withoutMeta(answer)).toEqual(missing);
      }
    const heard = await call('POST', `/tracks/${id}/plays`, other).with({ listened_seconds: 1 });
    expect(heard.status).toBe(others);
  });

  it('is the same over tRPC', async () => {
    const id = await created({ visibility: 'private' });
    const mine = await trpc(app, 'tracks.byId', { input: { id }, token: owner.token });
    expect(mine.json.result.data).toEqual((await read(id, owner)).json.data);
    const theirs = await trpc(app, 'tracks.byId', { input: { id }, token: other.token });
    const absent = await trpc(app, 'tracks.byId', { input: { id: 999_999_999 } });
    expect([theirs.status, theirs.json.error.data.code]).toEqual([404, 'NOT_FOUND']);
    expect(theirs.json.error.message).toBe(absent.json.error.message);
  });

  it('nobody, when its owner is banned', async () => {
    const banned = await createUser(app);
    const id = await created({}, banned);
    await setAccount(app, banned.id, { state: 'banned' });
    expect(withoutMeta(await read(id, other))).toEqual(missing);
    expect((await rest(app, `/users/${banned.id}/tracks`)).status).toBe(404);
  });

  it('still everyone, when its owner is suspended', async () => {
    const suspended = await createUser(app);
    const id = await created({}, suspended);
    await setAccount(app, suspended.id, { state: 'suspended' });
    expect((await read(id, other)).status).toBe(200);
  });
});

describe('an update', () => {
  it('changes what is given, clears what is null, and leaves the rest', async () => {
    const id = await created({ title: 'Before', genre: 'Dub', artist: 'Me' });
    const change = { title: ' After ', genre: null, tags: ['a', 'b'], bpm: 98.25 };
    const { status, json, headers } = await call('PUT', `/tracks/${id}`, owner).with(change);
    expect(status).toBe(200);
    expect(json.data).toMatchObject({
      title: 'After',
      genre: null,
      artist: 'Me',
      tags: ['a', 'b'],
      bpm: 98.25,
      version: 2,
    });
    expect(headers.etag).toBe('"v2"');
    expect((await read(id)).json.data).toEqual(json.data);
  });

  it('without a field changes nothing', async () => {
    const id = await created();
    const before = (await read(id)).json.data;
    const { status, json } = await call('PUT', `/tracks/${id}`, owner).with({});
    expect([status, json.data]).toEqual([200, before]);
  });

  it('by tRPC answers the same', async () => {
    const id = await created();
    const answer = await trpc(app, 'tracks.update', {
      type: 'mutation',
      token: owner.token,
      input: { id, visibility: 'unlisted' },
    });
    expect(answer.json.result.data).toEqual((await read(id)).json.data);
  });

  it.each([
    ['title', { title: ' ' }],
    ['title', { title: null }],
    ['title', { title: 'x'.repeat(201) }],
    ['tags', { tags: Array.from({ length: 11 }, (_, i) => `t${i}`) }],
    ['tags', { tags: ['Dub', 'dub'] }],
    ['year', { year: '2021' }],
    ['bpm', { bpm: 0 }],
    ['description', { description: 'a\u0000b' }],
    ['visibility', { visibility: 'secret' }],
    ['play_count', { play_count: 9 }],
  ])('with a bad %s is refused', async (field, change) => {
    const { status, json } = await call('PUT', `/tracks/${await created()}`, owner).with(change);
    expect([status, json.error.code]).toEqual([400, 'VALIDATION_ERROR']);
    expect(json.error.details[0].field).toMatch(new RegExp(`^${field}`));
  });

  it('from a stale version is refused', async () => {
    const id = await created();
    const put = (title: string) =>
      call('PUT', `/tracks/${id}`, owner).with({ title }, { 'if-match': '"v1"' });
    expect((await put('first')).status).toBe(200);
    const second = await put('second');
    expect([second.status, second.json.error.code]).toEqual([412, 'PRECONDITION_FAILED']);
    expect((await read(id)).json.data.title).toBe('first');
  });

  it('does not change the entity tag by counting', async () => {
    const id = await created();
    const before = await read(id);
    await call('POST', `/tracks/${id}/plays`).with({ listened_seconds: 240 });
    const after = await read(id);
    expect(after.json.data.play_count).toBe(1);
    expect(after.headers.etag).toBe(before.headers.etag);
  });
});

describe("what is somebody else's", () => {
  it.each([
    ['PUT', ''],
    ['DELETE', ''],
    ['POST', '/restore'],
    ['POST', '/reprocess'],
  ] as const)('is as absent for %s %s', async (method, path) => {
    const id = await created();
    const body = method === 'DELETE' ? undefined : {};
    const answer = await call(method, `/tracks/${id}${path}`, other).with(body);
    const absent = await call(method, `/tracks/999999999${path}`, other).with(body);
    expect(withoutMeta(answer)).toEqual(withoutMeta(absent));
    expect(answer.status).toBe(404);
    const stranger = await call(method, `/tracks/${id}${path}`).with(body);
    expect([stranger.status, stranger.json.error.code]).toEqual([401, 'UNAUTHENTICATED']);
    expect((await read(id)).status).toBe(200);
  });
});

describe('a deleted track', () => {
  it('is gone for everyone and can be restored', async () => {
    const id = await created();
    const { status, json } = await remove(id);
    expect([status, json.data.id]).toEqual([200, id]);
    const days = (Date.parse(json.data.restorable_until) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(29.9);
    expect(days).toBeLessThanOrEqual(30);
    for (const caller of [owner, other])
      expect(withoutMeta(await read(id, caller))).toEqual(missing);
    expect((await remove(id)).status).toBe(404);
    const back = await restore(id);
    expect([back.status, back.json.data.id]).toEqual([200, id]);
    expect((await read(id, other)).status).toBe(200);
  });

  it('is the version that its owner saw', async () => {
    const id = await created();
    const seen = (tag: string) =>
      call('DELETE', `/tracks/${id}`, owner).with(undefined, { 'if-match': tag });
    const stale = await seen('"v9"');
    expect([stale.status, stale.json.error.code]).toEqual([412, 'PRECONDITION_FAILED']);
    expect((await seen('"v1"')).status).toBe(200);
  });

  it('restored twice is restored', async () => {
    const id = await created();
    await remove(id);
    const [first, second] = [await restore(id), await restore(id)];
    expect(second.json.data).toEqual(first.json.data);
  });

  it('stays deleted when its bytes were uploaded again', async () => {
    const content = createWav();
    const { json: first } = await upload(app, owner, { content });
    await remove(first.data.id);
    const { json: second } = await upload(app, owner, { content });
    const refused = await restore(first.data.id);
    expect([refused.status, refused.json.error.code]).toEqual([409, 'CONFLICT']);
    await remove(second.data.id);
    expect((await restore(first.data.id)).status).toBe(200);
  });

  it('is not restored by a stranger to it', async () => {
    const id = await created();
    await remove(id);
    expect((await restore(id, other)).status).toBe(404);
    expect((await restore(id)).status).toBe(200);
  });

  it('cannot be changed or read again', async () => {
    const id = await created();
    await remove(id);
    expect((await call('PUT', `/tracks/${id}`, owner).with({ title: 'x' })).status).toBe(404);
    expect((await call('POST', `/tracks/${id}/reprocess`, owner).with({})).status).toBe(404);
  });
});

it('a track that is being processed is not started again', async () => {
  const { id } = await createTrack(app, owner);
  const { status, json } = await call('POST', `/tracks/${id}/reprocess`, owner).with();
  expect([status, json.error.code]).toEqual([409, 'CONFLICT']);
});

it('a suspended account may delete, and change nothing', async () => {
  const suspended = await createUser(app);
  const id = await created({}, suspended);
  await setAccount(app, suspended.id, { state: 'suspended' });
  const put = call('PUT', `/tracks/${id}`, suspended);
  await expect
    .poll(async () => (await put.with({ title: 'x' })).json.error?.code)
    .toBe('ACCOUNT_SUSPENDED');
  expect((await remove(id, suspended)).status).toBe(200);
  expect((await restore(id, suspended)).json.error.code).toBe('ACCOUNT_SUSPENDED');
});

const idsOf = ({ json }: Awaited<ReturnType<typeof rest>>): number[] =>
  json.data.map(({ id }: { id: number }) => id);

const list = async (search: string) => idsOf(await rest(app, `/tracks?${search}`));

describe('a list', () => {
  it('of a user has what is public and ready, newest first', async () => {
    const user = await createUser(app);
    const first = await created({}, user);
    await created({ visibility: 'private' }, user);
    await created({ visibility: 'unlisted' }, user);
    await createTrack(app, user);
    const last = await created({}, user);
    await remove(await created({}, user), user);
    for (const caller of [user, other, undefined]) {
      const answer = await rest(app, `/users/${user.id}/tracks`, { token: caller?.token });
      expect(idsOf(answer)).toEqual([last, first]);
      expect(answer.json.pagination).toMatchObject({ total: 2, page: 1 });
    }
    expect((await rest(app, '/users/999999999/tracks')).json.error.code).toBe('NOT_FOUND');
  });

  it("of one's own has everything, and by itself what can be restored", async () => {
    const user = await createUser(app);
    const ready = await created({ visibility: 'private' }, user);
    const { id: processing } = await createTrack(app, user);
    const removed = await created({}, user);
    await remove(removed, user);
    const mine = async (search: string) =>
      idsOf(await rest(app, `/users/me/tracks${search}`, { token: user.token }));
    expect(await mine('')).toEqual([processing, ready]);
    expect(await mine('?status=processing')).toEqual([processing]);
    expect(await mine('?deleted=true')).toEqual([removed]);
    const stranger = await rest(app, '/users/me/tracks');
    expect([stranger.status, stranger.json.error.code]).toEqual([401, 'UNAUTHENTICATED']);
  });

  it('is filtered by genre, tag and format', async () => {
    const genre = `g${Date.now()}`;
    const tagged = await created({ genre, tags: `${genre}-tag` });
    const plain = await created({ genre: genre.toUpperCase() });
    expect(await list(`genre=${genre}`)).toEqual([plain, tagged]);
    expect(await list(`genre=${genre}&tag=${genre}-tag`)).toEqual([tagged]);
    expect(await list(`genre=${genre}&format=mp3`)).toEqual([]);
    expect(await list(`genre=${genre}&tag=%25`)).toEqual([]);
  });

  it('is walked by cursor without a gap while tracks are added', async () => {
    const genre = `walk${Date.now()}`;
    const ids: number[] = [];
    for (let n = 0; n < 5; n += 1) ids.unshift(await created({ genre }));
    const walked: number[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const step: Awaited<ReturnType<typeof rest>> = await rest(
        app,
        `/tracks?genre=${genre}&limit=2&cursor=${cursor}`,
      );
      walked.push(...idsOf(step));
      cursor = step.json.pagination.next_cursor;
      await created({ genre });
    }
    expect(walked).toEqual(ids);
  });

  it('refuses what it does not know', async () => {
    for (const search of ['limit=0', 'limit=101', 'page=0', 'format=exe', 'sort=x', 'cursor=abc']) {
      const { status, json } = await rest(app, `/tracks?${search}`);
      expect([status, json.error.code]).toEqual([400, 'VALIDATION_ERROR']);
    }
  });
});
