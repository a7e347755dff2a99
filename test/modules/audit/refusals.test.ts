import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { login, newAccount, newName, register } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { type AuditRecord, recordsFrom, recordsOf } from '#test/audit.ts';
import { rest, trpc } from '#test/calls.ts';
import { createClock, MINUTE } from '#test/clock.ts';
import { createUser, PASSWORD, type TestUser } from '#test/factories.ts';

const clock = createClock();
const app = await testApp({ now: clock.now });
const limited = await testApp({
  beside: app,
  now: clock.now,
  environment: { RATE_LIMIT_REGISTER: '1/1h', RATE_LIMIT_FACTOR: '1' },
});

/** Refusals are written when their minute is over. */
const afterMinute = async (read: () => Promise<AuditRecord[]>, many: number) => {
  clock.advance(MINUTE);
  await expect.poll(async () => (await read()).length, { timeout: 5000 }).toBe(many);
  return read();
};

let addresses = 0;
/** An address that nobody else calls from. */
const newAddress = () => `198.51.100.${(addresses += 1)}`;

const fail = ({ email }: { email: string }, from = {}) =>
  login(app, { email, password: 'wrong lantern!' }, from);

describe('a failed sign-in', () => {
  it('is recorded once a minute for each account, with how often', async () => {
    const [user, other] = [await createUser(app), await createUser(app)];
    const headers = { 'user-agent': 'guesser/1', 'x-request-id': 'guess-1' };
    for (let turn = 0; turn < 4; turn += 1) await fail(user, { address: '192.0.2.66', headers });
    await fail(other);
    const failures = (of: TestUser) => () => recordsOf(app, of, 'user_login_failed');
    expect(await afterMinute(failures(user), 1)).toEqual([
      {
        id: expect.any(Number),
        event_type: 'user_login_failed',
        user_id: user.id,
        success: false,
        details: { method: 'password', times: 4 },
        request_id: 'guess-1',
        ip_address: '192.0.2.66',
        user_agent: 'guesser/1',
      },
    ]);
    expect((await failures(other)())[0]?.details['times']).toBe(1);
    await fail(user);
    expect((await afterMinute(failures(user), 2))[1]?.details['times']).toBe(1);
  });

  it('for an account that there is not is recorded by address', async () => {
    const address = newAddress();
    for (let turn = 0; turn < 3; turn += 1)
      await fail({ email: `${newName()}@example.com` }, { address });
    const records = await afterMinute(() => recordsFrom(app, address), 1);
    expect(records).toMatchObject([
      { event_type: 'user_login_failed', user_id: null, details: { times: 3 } },
    ]);
  });

  it('of a banned account is recorded as its own', async () => {
    const user = await createUser(app, { state: 'banned' });
    await login(app, { email: user.email, password: PASSWORD });
    await afterMinute(() => recordsOf(app, user, 'user_login_failed'), 1);
  });
});

describe('what else is refused', () => {
  it('a password change without the old password', async () => {
    const user = await createUser(app);
    await rest(app, '/users/me/password', {
      method: 'PUT',
      token: user.token,
      body: { current_password: 'wrong lantern!', new_password: 'amber lantern!7' },
    });
    const records = await afterMinute(() => recordsOf(app, user, 'password_changed'), 1);
    expect(records).toMatchObject([{ success: false, details: { times: 1 } }]);
  });

  it('access, on every door', async () => {
    const user = await createUser(app, { state: 'suspended' });
    const change = { token: user.token, body: { bio: 'x' } };
    await expect
      .poll(async () => (await rest(app, '/users/me', { method: 'PUT', ...change })).status)
      .toBe(403);
    await trpc(app, 'users.updateMe', { type: 'mutation', token: user.token, input: {} });
    const records = await afterMinute(() => recordsOf(app, user, 'access_denied'), 1);
    expect(records).toMatchObject([
      {
        success: false,
        details: { code: 'ACCOUNT_SUSPENDED', operation: 'PUT /api/v1/users/me', times: 2 },
      },
    ]);
  });

  it('too many calls', async () => {
    const address = newAddress();
    for (let turn = 0; turn < 4; turn += 1) await register(limited, newAccount(), { address });
    const limitedRecords = async () =>
      (await recordsFrom(app, address)).filter(
        ({ event_type }) => event_type === 'rate_limit_exceeded',
      );
    expect(await afterMinute(limitedRecords, 1)).toMatchObject([
      { success: false, user_id: null, details: { bucket: 'register', times: 3 } },
    ]);
  });
});

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
const none = encoded({ alg: 'none', typ: 'at+jwt' });
const forged = (signed: string): string =>
  `${signed}.${createHmac('sha256', 'x').update(signed).digest('base64url')}`;

describe('a token', () => {
  it.each([
    ['signed by others', ([head, body]: string[]) => forged(`${head}.${body}`)],
    ['without a signature', ([head, body]: string[]) => `${head}.${body}.`],
    ['that says it needs none', ([, body]: string[]) => `${none}.${body}.`],
  ])('%s is an intrusion', async (_what, forge) => {
    const user = await createUser(app);
    const address = newAddress();
    const token = forge(user.token.split('.'));
    await rest(app, '/users', { token, address });
    await trpc(app, 'users.list', { token, address });
    expect(await afterMinute(() => recordsFrom(app, address), 1)).toMatchObject([
      {
        event_type: 'intrusion_attempt',
        success: false,
        details: { reason: 'forged_token', times: 2 },
      },
    ]);
  });

  it.each([
    ['is garbage', () => 'garbage'],
    ['has expired', ({ token }: TestUser) => token],
    ['has ended', ({ token }: TestUser) => token],
  ])('that %s is none', async (what, tokenOf) => {
    const user = await createUser(app);
    if (what === 'has expired') clock.advance(16 * MINUTE);
    if (what === 'has ended')
      await rest(app, '/auth/logout', { method: 'POST', token: user.token });
    const address = newAddress();
    expect((await rest(app, '/users', { token: tokenOf(user), address })).status).toBe(401);
    await fail({ email: `${newName()}@example.com` }, { address });
    expect(await afterMinute(() => recordsFrom(app, address), 1)).toMatchObject([
      { event_type: 'user_login_failed' },
    ]);
  });
});
