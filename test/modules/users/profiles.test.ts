import { describe, expect, it } from 'vitest';
import { refusalOf } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { rest, trpc } from '#test/calls.ts';
import { createTrack, createUser, setAccount, setReady } from '#test/factories.ts';
import { withoutMeta } from '#test/tracks.ts';

const app = await testApp();
const read = (id: number | string, token?: string) => rest(app, `/users/${id}`, { token });
const missing = withoutMeta(await read(999_999_999));

describe('a public profile', () => {
  it('shows to anyone what is public, and nothing else', async () => {
    const [user, other] = [await createUser(app), await createUser(app)];
    await setReady(app, (await createTrack(app, other)).id);
    for (let turn = 0; turn < 2; turn += 1) await setReady(app, (await createTrack(app, user)).id);
    await createTrack(app, user, { visibility: 'private' });
    const body = {
      display_name: 'Ana',
      bio: 'Beats.',
      links: [{ label: 'S', url: 'http://a.b/' }],
    };
    await rest(app, '/users/me', { method: 'PUT', token: user.token, body });
    for (const token of [undefined, user.token, other.token]) {
      const { status, json, text } = await read(user.id, token);
      expect(status).toBe(200);
      expect(json.data).toEqual({
        id: user.id,
        username: user.username,
        ...body,
        counts: { tracks: 2 },
        version: 2,
        created_at: expect.any(String),
      });
      expect(text).not.toContain(user.email);
    }
    const { json } = await trpc(app, 'users.byId', { input: { id: user.id } });
    expect(json.result.data).toEqual((await read(user.id)).json.data);
  });

  it('has an entity tag', async () => {
    const { id } = await createUser(app);
    const { headers } = await read(id);
    expect(headers.etag).toBe('"v1"');
    const known = await rest(app, `/users/${id}`, { headers: { 'if-none-match': '"v1"' } });
    expect([known.status, known.text]).toEqual([304, '']);
  });

  it.each(['banned', 'deleted'] as const)('of a %s account is as none', async (state) => {
    const user = await createUser(app, { state });
    expect(withoutMeta(await read(user.id))).toEqual(missing);
    expect(missing.status).toBe(404);
    const answer = await trpc(app, 'users.byId', { input: { id: user.id } });
    expect(refusalOf(answer)).toEqual([404, 'NOT_FOUND']);
    const { json } = await rest(app, `/users?q=${user.username}`);
    expect([json.data, json.pagination.total]).toEqual([[], 0]);
    await setAccount(app, user.id, { state: 'active' });
    expect((await read(user.id)).status).toBe(200);
  });

  it('of a suspended account stays', async () => {
    expect((await read((await createUser(app, { state: 'suspended' })).id)).status).toBe(200);
  });

  it.each(['0', '-1', '1.0', 'x', '1e3', '01', '9007199254740993', '%00'])(
    'is not found by the id %s',
    async (id) => {
      expect(refusalOf(await read(id))).toEqual([400, 'VALIDATION_ERROR']);
    },
  );

  it('is not asked for in text over tRPC', async () => {
    const { id } = await createUser(app);
    const answer = await trpc(app, 'users.byId', { input: { id: `${id}` } });
    expect(refusalOf(answer)).toEqual([400, 'VALIDATION_ERROR']);
  });
});
