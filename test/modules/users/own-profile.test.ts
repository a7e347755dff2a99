import { describe, expect, it } from 'vitest';
import { fieldsOf, refusalOf } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { type Answer, rest, trpc } from '#test/calls.ts';
import { createTrack, createUser, setAccount, setReady, type TestUser } from '#test/factories.ts';
import { query } from '#test/tracks.ts';

const app = await testApp();

const read = ({ token }: TestUser, headers: Record<string, string> = {}) =>
  rest(app, '/users/me', { token, headers });

const change = ({ token }: { token?: string }, body: unknown, headers = {}): Promise<Answer> =>
  rest(app, '/users/me', { method: 'PUT', ...(token && { token }), body, headers });

const links = [{ label: 'Site', url: 'https://example.com/ana?x=1#y' }];
const full = { display_name: 'Ana Ruiz', bio: 'Beats from\nLyon.', links };

describe('the own profile', () => {
  it('shows what others do not see', async () => {
    const user = await createUser(app);
    const { status, json } = await read(user);
    expect(status).toBe(200);
    expect(json.data).toEqual({
      id: user.id,
      username: user.username,
      email: user.email,
      display_name: null,
      bio: null,
      links: [],
      counts: { tracks: 0 },
      role: 'user',
      state: 'active',
      storage_used_bytes: 0,
      version: 1,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
    const overTrpc = await trpc(app, 'users.me', { token: user.token });
    expect(overTrpc.json.result.data).toEqual(json.data);
  });

  it('counts tracks that anyone may list', async () => {
    const user = await createUser(app);
    await setReady(app, (await createTrack(app, user)).id);
    await setReady(app, (await createTrack(app, user, { visibility: 'private' })).id);
    await createTrack(app, user);
    const { json } = await read(user);
    expect(json.data.counts).toEqual({ tracks: 1 });
    expect(json.data.storage_used_bytes).toBeGreaterThan(0);
  });

  it.each([
    ['GET', undefined],
    ['PUT', {}],
  ] as const)('%s is for those who are signed in', async (method, body) => {
    const answer = await rest(app, '/users/me', { method, body });
    expect(refusalOf(answer)).toEqual([401, 'UNAUTHENTICATED']);
  });
});

describe('a change', () => {
  it('sets what is given and leaves what is not', async () => {
    const user = await createUser(app);
    const set = await change(user, full);
    expect(set.status).toBe(200);
    expect(set.json.data).toMatchObject({ ...full, version: 2 });
    const part = await change(user, { bio: 'Other.' });
    expect(part.json.data).toMatchObject({ ...full, bio: 'Other.', version: 3 });
    expect((await read(user)).json.data).toEqual(part.json.data);
    expect(Date.parse(part.json.data.updated_at)).toBeGreaterThanOrEqual(
      Date.parse(set.json.data.updated_at),
    );
  });

  it('clears what is null', async () => {
    const user = await createUser(app);
    await change(user, full);
    const { json } = await change(user, { display_name: null, bio: null, links: null });
    expect(json.data).toMatchObject({ display_name: null, bio: null, links: [] });
  });

  it('of nothing changes nothing', async () => {
    const user = await createUser(app);
    const before = (await read(user)).json.data;
    const { status, json, headers } = await change(user, {});
    expect([status, json.data, headers.etag]).toEqual([200, before, '"v1"']);
  });

  it('is the same over tRPC', async () => {
    const user = await createUser(app);
    const { json } = await trpc(app, 'users.updateMe', {
      type: 'mutation',
      token: user.token,
      input: full,
    });
    expect(json.result.data).toEqual((await read(user)).json.data);
    expect(json.result.data).toMatchObject(full);
  });

  it('keeps text as it was written', async () => {
    const user = await createUser(app);
    const bio = ' <script>alert("x")</script> & “quoted” 🎧 \\ %s \' ';
    const { json, headers } = await change(user, { bio, display_name: '  <b>Ana</b>  ' });
    expect(json.data).toMatchObject({ bio, display_name: '<b>Ana</b>' });
    expect(headers['content-type']).toMatch(/^application\/json/);
  });

  it('is not for a suspended account, which reads', async () => {
    const user = await createUser(app);
    await setAccount(app, user.id, { state: 'suspended' });
    const overTrpc = () =>
      trpc(app, 'users.updateMe', { type: 'mutation', token: user.token, input: full });
    await expect
      .poll(async () => refusalOf(await change(user, full)))
      .toEqual([403, 'ACCOUNT_SUSPENDED']);
    expect(refusalOf(await overTrpc())).toEqual([403, 'ACCOUNT_SUSPENDED']);
    expect((await read(user)).json.data).toMatchObject({ state: 'suspended', bio: null });
  });
});

describe('a change is refused', () => {
  const link = { label: 'Site', url: 'https://example.com/' };

  it.each([
    ['display_name', { display_name: ' ' }],
    ['display_name', { display_name: 'x'.repeat(81) }],
    ['display_name', { display_name: 'two\nlines' }],
    ['display_name', { display_name: 'a\u0000b' }],
    ['bio', { bio: 'x'.repeat(2001) }],
    ['bio', { bio: 'half \ud83c' }],
    ['bio', { bio: 5 }],
    ['links', { links: 'https://example.com' }],
    ['links', { links: Array.from({ length: 11 }, () => link) }],
    ['links.0.url', { links: [{ ...link, url: 'javascript:alert(1)' }] }],
    ['links.0.url', { links: [{ ...link, url: 'data:text/html,x' }] }],
    ['links.0.url', { links: [{ ...link, url: 'ftp://example.com' }] }],
    ['links.0.url', { links: [{ ...link, url: '//example.com' }] }],
    ['links.0.url', { links: [{ ...link, url: 'https://' }] }],
    ['links.0.url', { links: [{ ...link, url: 'https://example.com/\u0000' }] }],
    ['links.0.url', { links: [{ ...link, url: 'https://example.com/\ud83c' }] }],
    ['links.0.url', { links: [{ ...link, url: `https://example.com/${'x'.repeat(500)}` }] }],
    ['links.0.label', { links: [{ ...link, label: '' }] }],
    ['links.1.label', { links: [link, { url: link.url }] }],
    ['links.0.rel', { links: [{ ...link, rel: 'me' }] }],
    ['role', { role: 'admin' }],
    ['email', { email: 'ana@example.com' }],
    ['username', { username: 'ana' }],
    ['version', { version: 7 }],
  ])('for a bad %s', async (field, body) => {
    const user = await createUser(app);
    const answer = await change(user, body);
    expect(refusalOf(answer)).toEqual([400, 'VALIDATION_ERROR']);
    expect(new Set(fieldsOf(answer))).toEqual(new Set([field]));
    expect((await read(user)).json.data.version).toBe(1);
  });

  it('with all its problems at once', async () => {
    const answer = await change(await createUser(app), { bio: 1, role: 2, links: [{ url: 'x' }] });
    expect(fieldsOf(answer)).toEqual(['bio', 'links.0.label', 'links.0.url', 'role']);
  });
});

describe('the entity tag', () => {
  it('spares an answer that is known', async () => {
    const user = await createUser(app);
    const { headers } = await read(user);
    expect(headers.etag).toBe('"v1"');
    for (const known of ['"v1"', 'W/"v1"', '"v0", "v1"', '*']) {
      const answer = await read(user, { 'if-none-match': known });
      expect([answer.status, answer.text, answer.headers.etag]).toEqual([304, '', '"v1"']);
    }
    await change(user, full);
    const answer = await read(user, { 'if-none-match': '"v1"' });
    expect([answer.status, answer.headers.etag]).toEqual([200, '"v2"']);
  });

  it('is not taken for that of another user at the same address', async () => {
    const { headers } = await read(await createUser(app));
    expect(headers.vary).toMatch(/\bAuthorization\b/);
  });

  it('stays when only counts change', async () => {
    const user = await createUser(app);
    await createTrack(app, user);
    expect((await read(user)).headers.etag).toBe('"v1"');
  });

  it('guards a change', async () => {
    const user = await createUser(app);
    expect((await change(user, full, { 'if-match': '"v1"' })).status).toBe(200);
    for (const stale of ['"v1"', '"v3"', 'v2', '"V2"', '""']) {
      const answer = await change(user, { bio: 'lost' }, { 'if-match': stale });
      expect(refusalOf(answer)).toEqual([412, 'PRECONDITION_FAILED']);
    }
    expect((await read(user)).json.data.bio).toBe(full.bio);
    for (const right of ['"v1", "v2"', '*'])
      expect((await change(user, {}, { 'if-match': right })).status).toBe(200);
  });

  it('lets one of twenty editors through', async () => {
    const user = await createUser(app);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, turn) =>
        change(user, { bio: `edit ${turn}` }, { 'if-match': '"v1"' }),
      ),
    );
    const through = answers.filter(({ status }) => status === 200);
    expect(through).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(19);
    const { json } = await read(user);
    expect(json.data).toMatchObject({ version: 2, bio: through[0]?.json.data.bio });
    const audited = `select count(*)::int as n from audit_records where user_id = ${user.id} and event_type = 'profile_updated'`;
    expect(await query(app, audited)).toEqual([{ n: 1 }]);
  });
});
