import { Client } from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { login, newAccount, refusalOf, register, statusesOf } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { recordsOf } from '#test/audit.ts';
import { rest, trpc } from '#test/calls.ts';
import { createTrack, createUser, PASSWORD, type TestUser } from '#test/factories.ts';
import { query } from '#test/tracks.ts';

const app = await testApp();
const owner = new Client({ connectionString: app.urls.migration_url });
await owner.connect();
afterAll(() => owner.end());

const FROM = {
  address: '192.0.2.10',
  headers: { 'user-agent': 'Veza/1 (phone)', 'x-request-id': 'change-1' },
};

type Door = 'rest' | 'trpc';
type Operation = { method: 'POST' | 'PUT' | 'DELETE'; path: string; procedure: string };

/** The same verb by either door, from the same place. */
const call = (
  door: Door,
  { method, path, procedure }: Operation,
  { token, input }: { token?: string; input?: object },
) => {
  const from = { ...FROM, ...(token && { token }) };
  if (door === 'trpc') return trpc(app, procedure, { type: 'mutation', input, ...from });
  return rest(app, path, { method, body: method === 'DELETE' ? undefined : input, ...from });
};

const sessionOf = async (token: string): Promise<number> =>
  (await rest(app, '/auth/me', { token })).json.data.session.id;

/** What was recorded of the user since they registered. */
const since = async (user: { id: number }) => (await recordsOf(app, user)).slice(1);

const recorded = (event_type: string, user: { id: number }, details: object) => ({
  id: expect.any(Number),
  event_type,
  user_id: user.id,
  success: true,
  details,
  request_id: 'change-1',
  ip_address: '192.0.2.10',
  user_agent: 'Veza/1 (phone)',
});

const operations = {
  register: { method: 'POST', path: '/auth/register', procedure: 'auth.register' },
  login: { method: 'POST', path: '/auth/login', procedure: 'auth.login' },
  logout: { method: 'POST', path: '/auth/logout', procedure: 'auth.logout' },
  logoutAll: { method: 'POST', path: '/auth/logout-all', procedure: 'auth.logoutAll' },
  updateMe: { method: 'PUT', path: '/users/me', procedure: 'users.updateMe' },
  changePassword: {
    method: 'PUT',
    path: '/users/me/password',
    procedure: 'users.changePassword',
  },
} as const satisfies Record<string, Operation>;

describe.each(['rest', 'trpc'] as const)('over %s there is one record of', (door) => {
  it('a registration', async () => {
    const { json } = await call(door, operations.register, { input: newAccount() });
    const { user, access_token } = (json.result ?? json).data;
    const session_id = await sessionOf(access_token);
    expect(await recordsOf(app, user)).toEqual([recorded('user_registered', user, { session_id })]);
  });

  it('a sign-in', async () => {
    const user = await createUser(app);
    const input = { email: user.email, password: PASSWORD };
    const { json } = await call(door, operations.login, { input });
    const session_id = await sessionOf((json.result ?? json).data.access_token);
    const details = { method: 'password', session_id };
    expect(await since(user)).toEqual([recorded('user_login', user, details)]);
  });

  it('a sign-out', async () => {
    const user = await createUser(app);
    const session_id = await sessionOf(user.token);
    await call(door, operations.logout, { token: user.token, input: {} });
    expect(await since(user)).toEqual([recorded('user_logout', user, { session_id })]);
  });

  it('a sign-out everywhere', async () => {
    const user = await createUser(app);
    await call(door, operations.logoutAll, { token: user.token, input: {} });
    expect(await since(user)).toEqual([recorded('user_logout', user, { sessions: 1 })]);
  });

  it('a session that was revoked', async () => {
    const user = await createUser(app);
    const id = await sessionOf(user.token);
    const operation = {
      method: 'DELETE',
      path: `/auth/sessions/${id}`,
      procedure: 'auth.revokeSession',
    } as const;
    await call(door, operation, { token: user.token, input: { id } });
    expect(await since(user)).toEqual([recorded('session_revoked', user, { session_id: id })]);
  });

  it('a changed profile, by the names of its fields', async () => {
    const user = await createUser(app);
    const input = { bio: 'Personal.', links: null };
    await call(door, operations.updateMe, { token: user.token, input });
    const details = { fields: 'bio links' };
    expect(await since(user)).toEqual([recorded('profile_updated', user, details)]);
  });

  it('a changed password', async () => {
    const user = await createUser(app);
    const input = { current_password: PASSWORD, new_password: 'amber lantern!7' };
    await call(door, operations.changePassword, { token: user.token, input });
    expect(await since(user)).toEqual([recorded('password_changed', user, {})]);
  });
});

describe('there is one record of each change to a track', () => {
  it('from its upload to its restoration', async () => {
    const user = await createUser(app);
    const { id } = await createTrack(app, user);
    const from = { token: user.token, ...FROM };
    await rest(app, `/tracks/${id}`, { method: 'PUT', body: { title: 'New' }, ...from });
    await rest(app, `/tracks/${id}`, { method: 'DELETE', ...from });
    await rest(app, `/tracks/${id}/restore`, { method: 'POST', ...from });
    const records = await since(user);
    expect(records.map(({ event_type }) => event_type)).toEqual([
      'track_uploaded',
      'track_updated',
      'track_removed',
      'track_restored',
    ]);
    for (const { details, success } of records)
      expect([details['track_id'], success]).toEqual([id, true]);
    expect(new Set(records.slice(1).map(({ ip_address }) => ip_address))).toEqual(
      new Set(['192.0.2.10']),
    );
  });
});

const expectNone = async (user: TestUser) => expect(await since(user)).toEqual([]);

describe('there is no record of', () => {
  it('what is only read', async () => {
    const user = await createUser(app);
    for (const path of ['/users/me', '/auth/me', '/auth/sessions', `/users/${user.id}`, '/users'])
      await rest(app, path, { token: user.token });
    await expectNone(user);
  });

  it('a change that changes nothing', async () => {
    const user = await createUser(app);
    await call('rest', operations.updateMe, { token: user.token, input: {} });
    await expectNone(user);
  });

  it('a second sign-out that came at the same time', async () => {
    const user = await createUser(app);
    const { token } = user;
    await Promise.all(
      Array.from({ length: 5 }, () => call('rest', operations.logout, { token, input: {} })),
    );
    expect(await since(user)).toHaveLength(1);
  });

  it('a change that was refused', async () => {
    const [user, other] = [await createUser(app), await createUser(app)];
    const { token } = user;
    await rest(app, '/users/me', {
      method: 'PUT',
      token,
      body: { bio: 'x' },
      headers: { 'if-match': '"v9"' },
    });
    await rest(app, `/auth/sessions/${await sessionOf(other.token)}`, { method: 'DELETE', token });
    await register(app, { ...newAccount(), email: user.email });
    await expectNone(user);
    await expectNone(other);
  });

  it('a change whose statement failed', async () => {
    const user = await createUser(app);
    await owner.query(`
      create function fail() returns trigger language plpgsql as $$ begin raise 'failed'; end $$;
      create trigger fail before update on users for each row when (new.bio = 'fail') execute function fail()`);
    const answer = await call('rest', operations.updateMe, {
      token: user.token,
      input: { bio: 'fail' },
    });
    expect(refusalOf(answer)).toEqual([500, 'INTERNAL_ERROR']);
    await expectNone(user);
  });
});

it('what cannot be recorded does not happen', async () => {
  const user = await createUser(app);
  await owner.query(`
    create function lose() returns trigger language plpgsql as $$ begin raise 'lost'; end $$;
    create trigger lose before insert on audit_records for each row when (new.user_id = ${user.id}) execute function lose()`);
  const { token } = user;
  const { id } = user;
  const answers = [
    await call('rest', operations.updateMe, { token, input: { bio: 'x' } }),
    await call('rest', operations.logout, { token, input: {} }),
    await call('trpc', operations.logoutAll, { token, input: {} }),
    await call('rest', operations.changePassword, {
      token,
      input: { current_password: PASSWORD, new_password: 'amber lantern!7' },
    }),
    await login(app, { email: user.email, password: PASSWORD }),
  ];
  for (const answer of answers) expect(refusalOf(answer)).toEqual([500, 'INTERNAL_ERROR']);
  expect(await statusesOf(app, token)).toEqual([200, 200]);
  const [kept] = await query(
    app,
    `select bio, version, (select count(*)::int from sessions where user_id = ${id}) as sessions from users where id = ${id}`,
  );
  expect(kept).toEqual({ bio: null, version: 1, sessions: 1 });
});
