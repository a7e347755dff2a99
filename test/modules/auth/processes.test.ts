import { describe, expect, it } from 'vitest';
import { login, refresh, statusesOf } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { rest } from '#test/calls.ts';
import { createUser, PASSWORD, setAccount, type TestUser } from '#test/factories.ts';
import { query } from '#test/tracks.ts';

const app = await testApp();
const other = await testApp({ beside: app });
const deaf = await testApp({ beside: app });

/** Signed in here, and remembered by every process. */
const known = async (): Promise<TestUser> => {
  const user = await createUser(app);
  for (const process of [app, other, deaf]) {
    await expect.poll(() => process.outside.notifications.isAlive()).toBe(true);
    expect(await statusesOf(process, user.token)).toEqual([200, 200]);
  }
  return user;
};

const WITHIN_A_SECOND = { timeout: 1000, interval: 20 };

const end = (path: string, { token }: TestUser, body?: object) =>
  rest(app, path, { method: body ? 'PUT' : 'POST', token, body });

describe('within a second another process hears of', () => {
  const ends: [string, (user: TestUser) => Promise<unknown>][] = [
    ['a sign-out', (user) => end('/auth/logout', user)],
    ['a sign-out everywhere', (user) => end('/auth/logout-all', user)],
    [
      'a new password',
      (user) =>
        end('/users/me/password', user, {
          current_password: PASSWORD,
          new_password: 'amber lantern!7',
        }),
    ],
    [
      'the eleventh session',
      async ({ email }) => {
        for (let turn = 0; turn < 10; turn += 1) await login(app, { email, password: PASSWORD });
      },
    ],
    [
      'a token used again',
      async ({ refresh_token }) => {
        const { json } = await refresh(app, refresh_token);
        await refresh(app, json.data.refresh_token);
        await refresh(app, refresh_token);
      },
    ],
    ['a ban', ({ id }) => setAccount(app, id, { state: 'banned' })],
    ['a deletion', ({ id }) => setAccount(app, id, { state: 'deleted' })],
  ];

  it.each(ends)('%s', async (_what, endOf) => {
    const user = await known();
    await endOf(user);
    await expect.poll(() => statusesOf(other, user.token), WITHIN_A_SECOND).toEqual([401, 401]);
    expect(await statusesOf(app, user.token)).toEqual([401, 401]);
  });

  it('a change of role', async () => {
    const user = await known();
    const permissions = async () =>
      (await rest(other, '/auth/me', { token: user.token })).json.data.permissions;
    expect(await permissions()).not.toContain('content:moderate');
    await setAccount(app, user.id, { role: 'moderator' });
    await expect.poll(permissions, WITHIN_A_SECOND).toContain('content:moderate');
    await setAccount(app, user.id, { role: 'user' });
    await expect.poll(permissions, WITHIN_A_SECOND).not.toContain('content:moderate');
  });

  it('a suspension and its end', async () => {
    const user = await known();
    const change = async () =>
      (await rest(other, '/users/me', { method: 'PUT', token: user.token, body: { bio: 'x' } }))
        .status;
    await setAccount(app, user.id, { state: 'suspended' });
    await expect.poll(change, WITHIN_A_SECOND).toBe(403);
    await setAccount(app, user.id, { state: 'active' });
    await expect.poll(change, WITHIN_A_SECOND).toBe(200);
  });
});

/** As if the announcement had been lost. */
const setSilently = ({ id }: TestUser, state: string) =>
  query(app, `update users set state = '${state}' where id = ${id}`);

describe('a process that lost its connection for notifications', () => {
  it('forgets what it could have missed', async () => {
    const user = await known();
    await setSilently(user, 'banned');
    expect(await statusesOf(other, user.token)).toEqual([200, 200]);
    await query(
      app,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'veza-api notifications'`,
    );
    await expect.poll(() => statusesOf(other, user.token), WITHIN_A_SECOND).toEqual([401, 401]);
  });

  it('asks the database until it has another', async () => {
    const user = await known();
    await deaf.outside.notifications.close();
    for (const [state, status] of [
      ['banned', 401],
      ['active', 200],
      ['deleted', 401],
    ] as const) {
      await setSilently(user, state);
      expect(await statusesOf(deaf, user.token)).toEqual([status, status]);
    }
  });
});
