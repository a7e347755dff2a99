import { describe, expect, it } from 'vitest';
import { fieldsOf, login, refresh, refusalOf, statusesOf } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { rest, trpc } from '#test/calls.ts';
import { createClock, DAY, SECOND } from '#test/clock.ts';
import { createUser, PASSWORD, type TestUser } from '#test/factories.ts';
import { withoutMeta } from '#test/tracks.ts';

const clock = createClock();
const app = await testApp({ now: clock.now });

type Signed = { token: string; refresh_token: string };

/** One more session of the user. */
const enter = async ({ email }: TestUser, from = {}): Promise<Signed> => {
  const { json } = await login(app, { email, password: PASSWORD }, from);
  return { token: json.data.access_token, refresh_token: json.data.refresh_token };
};

type Shown = { id: number; current: boolean; device: string };
const list = async (token: string): Promise<Shown[]> =>
  (await rest(app, '/auth/sessions', { token })).json.data;
const idOf = async ({ token }: Signed): Promise<number> =>
  (await rest(app, '/auth/me', { token })).json.data.session.id;

const revoke = (token: string | undefined, id: number | string) =>
  rest(app, `/auth/sessions/${id}`, { method: 'DELETE', token });

const expectLive = async ({ token }: Signed) =>
  expect(await statusesOf(app, token)).toEqual([200, 200]);

const expectEnded = async ({ token, refresh_token }: Signed) => {
  expect(await statusesOf(app, token)).toEqual([401, 401]);
  expect(refusalOf(await refresh(app, refresh_token))).toEqual([401, 'UNAUTHENTICATED']);
};

describe('the list of sessions', () => {
  it('tells from where, since when, and which is this one', async () => {
    const user = await createUser(app);
    clock.advance(SECOND);
    const headers = { 'user-agent': 'Veza/1 (phone)' };
    const phone = await enter(user, { headers, address: '192.0.2.7' });
    const at = clock.now();
    const sessions = await list(phone.token);
    expect(sessions).toEqual([
      {
        id: expect.any(Number),
        device: 'Veza/1 (phone)',
        ip_address: '192.0.2.7',
        created_at: at.toISOString(),
        last_used_at: at.toISOString(),
        expires_at: new Date(at.getTime() + 30 * DAY).toISOString(),
        current: true,
      },
      expect.objectContaining({ current: false, ip_address: '127.0.0.1' }),
    ]);
    const { json } = await trpc(app, 'auth.sessions', { token: phone.token });
    expect(json.result.data).toEqual(sessions);
    expect((await list(user.token)).map(({ current }) => current)).toEqual([false, true]);
  });

  it('leaves out what ended or lay unused for a week', async () => {
    const user = await createUser(app);
    const [used, ended] = [await enter(user), await enter(user)];
    await rest(app, '/auth/logout', { method: 'POST', token: ended.token });
    clock.advance(7 * DAY - 1);
    const { json } = await refresh(app, used.refresh_token);
    clock.advance(1);
    const sessions = await list(json.data.access_token);
    expect(sessions.map(({ id }) => id)).toEqual([
      await idOf({ ...used, token: json.data.access_token }),
    ]);
  });
});

describe('revoking a session', () => {
  it('ends that one at once', async () => {
    const user = await createUser(app);
    const phone = await enter(user);
    const { status, json } = await revoke(user.token, await idOf(phone));
    expect([status, json.data]).toEqual([200, { ended_sessions: 1 }]);
    await expectEnded(phone);
    await expectLive(user);
    expect(await list(user.token)).toHaveLength(1);
  });

  it('may be done to this one, and over tRPC', async () => {
    const user = await createUser(app);
    const phone = await enter(user);
    const answer = await trpc(app, 'auth.revokeSession', {
      type: 'mutation',
      token: phone.token,
      input: { id: await idOf(phone) },
    });
    expect(answer.json.result.data).toEqual({ ended_sessions: 1 });
    await expectEnded(phone);
    await expectLive(user);
  });

  it("is refused for somebody else's as for none", async () => {
    const [user, other] = [await createUser(app), await createUser(app)];
    const ended = await enter(user);
    const endedId = await idOf(ended);
    await revoke(user.token, endedId);
    const missing = await revoke(user.token, 999_999_999);
    expect(refusalOf(missing)).toEqual([404, 'NOT_FOUND']);
    for (const answer of [
      await revoke(user.token, await idOf(other)),
      await revoke(user.token, endedId),
    ])
      expect(withoutMeta(answer)).toEqual(withoutMeta(missing));
    await expectLive(other);
  });

  it.each(['0', '-1', 'x', '1.5', '9007199254740993'])('of the id %s is refused', async (id) => {
    const answer = await revoke((await createUser(app)).token, id);
    expect(refusalOf(answer)).toEqual([400, 'VALIDATION_ERROR']);
    expect(new Set(fieldsOf(answer))).toEqual(new Set(['id']));
  });
});

describe('signing out', () => {
  it.each(['rest', 'trpc'])('ends this session and no other, over %s', async (door) => {
    const user = await createUser(app);
    const phone = await enter(user);
    const { token } = phone;
    const answer = await (door === 'rest'
      ? rest(app, '/auth/logout', { method: 'POST', token })
      : trpc(app, 'auth.logout', { type: 'mutation', token }));
    expect((answer.json.result ?? answer.json).data).toEqual({ ended_sessions: 1 });
    await expectEnded(phone);
    await expectLive(user);
  });

  it.each(['rest', 'trpc'])('everywhere ends all of them, over %s', async (door) => {
    const user = await createUser(app);
    const [phone, tablet] = [await enter(user), await enter(user)];
    const other = await createUser(app);
    const { token } = phone;
    const answer = await (door === 'rest'
      ? rest(app, '/auth/logout-all', { method: 'POST', token })
      : trpc(app, 'auth.logoutAll', { type: 'mutation', token }));
    expect((answer.json.result ?? answer.json).data).toEqual({ ended_sessions: 3 });
    for (const session of [user, phone, tablet]) await expectEnded(session);
    await expectLive(other);
  });
});

describe('an account has at most ten sessions', () => {
  it('of which the oldest goes', async () => {
    const user = await createUser(app);
    const later: Signed[] = [];
    for (let turn = 0; turn < 9; turn += 1) later.push(await enter(user));
    await expectLive(user);
    const eleventh = await enter(user);
    await expectEnded(user);
    for (const session of [...later, eleventh]) await expectLive(session);
    expect(await list(eleventh.token)).toHaveLength(10);
  });

  it('also when many are opened at once', async () => {
    const user = await createUser(app);
    const opened = await Promise.all(Array.from({ length: 14 }, () => enter(user)));
    const statuses = await Promise.all(opened.map(({ token }) => statusesOf(app, token)));
    expect(statuses.filter(([status]) => status === 200)).toHaveLength(10);
    await expectEnded(user);
  });
});

it.each([
  ['GET', '/auth/me'],
  ['GET', '/auth/sessions'],
  ['DELETE', '/auth/sessions/1'],
  ['POST', '/auth/logout'],
  ['POST', '/auth/logout-all'],
] as const)('%s %s is for those who are signed in', async (method, path) => {
  const answer = await rest(app, path, { method });
  expect(refusalOf(answer)).toEqual([401, 'UNAUTHENTICATED']);
  expect(answer.headers['www-authenticate']).toBe('Bearer');
});

it('a sign-out takes no input', async () => {
  const { token } = await createUser(app);
  const answer = await rest(app, '/auth/logout', { method: 'POST', token, body: { all: true } });
  expect(fieldsOf(answer)).toEqual(['all']);
});
