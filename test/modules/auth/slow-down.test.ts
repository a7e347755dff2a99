import { describe, expect, it } from 'vitest';
import { login, newName, refresh, refusalOf } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { rest } from '#test/calls.ts';
import { createClock, MINUTE, SECOND } from '#test/clock.ts';
import { createUser, PASSWORD, type TestUser } from '#test/factories.ts';
import { query } from '#test/tracks.ts';

const clock = createClock();
const app = await testApp({ now: clock.now });

const enter = async ({ email }: Pick<TestUser, 'email'>, device_token?: string) =>
  (await login(app, { email, password: PASSWORD, device_token })).status;

const fail = async (
  { email }: Pick<TestUser, 'email'>,
  { times = 1, device_token }: { times?: number; device_token?: string } = {},
) => {
  for (let turn = 0; turn < times; turn += 1) {
    const answer = await login(app, { email, password: `wrong lantern ${turn}!`, device_token });
    expect(refusalOf(answer)).toEqual([401, 'INVALID_CREDENTIALS']);
  }
};

describe('after failures', () => {
  it('five are free', async () => {
    const user = await createUser(app);
    await fail(user, { times: 5 });
    expect(await enter(user)).toBe(200);
  });

  it('each further one doubles the time in which the right password is refused', async () => {
    const user = await createUser(app);
    await fail(user, { times: 5 });
    for (const seconds of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]) {
      await fail(user);
      expect(await enter(user)).toBe(401);
      clock.advance(seconds * SECOND - 1);
      expect(await enter(user)).toBe(401);
      clock.advance(1);
    }
    expect(await enter(user)).toBe(200);
  });

  it('attempts that are refused unseen do not prolong it', async () => {
    const user = await createUser(app);
    await fail(user, { times: 6 });
    await fail(user, { times: 20 });
    clock.advance(SECOND);
    expect(await enter(user)).toBe(200);
  });

  it('a success forgives', async () => {
    const user = await createUser(app);
    await fail(user, { times: 5 });
    await enter(user);
    await fail(user, { times: 5 });
    expect(await enter(user)).toBe(200);
  });

  it('a quarter of an hour forgives', async () => {
    const user = await createUser(app);
    await fail(user, { times: 5 });
    clock.advance(15 * MINUTE + 1);
    await fail(user, { times: 5 });
    expect(await enter(user)).toBe(200);
  });

  it('it is the account that is slowed, by whatever name and from wherever', async () => {
    const user = await createUser(app);
    const names = [{ email: user.email }, { username: user.username.toUpperCase() }];
    for (let turn = 0; turn < 6; turn += 1)
      await login(
        app,
        { ...names[turn % 2], password: 'wrong lantern!' },
        { address: `192.0.2.${turn}` },
      );
    expect(await enter(user)).toBe(401);
    expect(await enter(await createUser(app))).toBe(200);
  });
});

describe('guesses at the same time', () => {
  it('are no more than guesses one after another', async () => {
    const user = await createUser(app);
    const guesses = Array.from({ length: 30 }, (_, turn) =>
      login(app, { email: user.email, password: turn === 29 ? PASSWORD : `wrong ${turn}!` }),
    );
    for (const answer of await Promise.all(guesses))
      expect(refusalOf(answer)).toEqual([401, 'INVALID_CREDENTIALS']);
    const counted = `select failures from login_attempts where key = 'account:${user.id}'`;
    expect(await query(app, counted)).toEqual([{ failures: 6 }]);
  });

  it('are not seen in those who know the password', async () => {
    const user = await createUser(app);
    const entered = await Promise.all(Array.from({ length: 12 }, () => enter(user)));
    expect(new Set(entered)).toEqual(new Set([200]));
  });
});

describe('a device that signed in before', () => {
  it('is let in while strangers guess', async () => {
    const user = await createUser(app);
    await fail(user, { times: 8 });
    expect(await enter(user)).toBe(401);
    expect(await enter(user, user.device_token)).toBe(200);
    expect(await enter(user)).toBe(401);
  });

  it('is slowed by its own failures, alone', async () => {
    const user = await createUser(app);
    const { device_token } = user;
    await fail(user, { times: 6, device_token });
    expect(await enter(user, device_token)).toBe(401);
    expect(await enter(user)).toBe(200);
  });

  it('is the same after it signed in again', async () => {
    const user = await createUser(app);
    const { json } = await login(app, {
      email: user.email,
      password: PASSWORD,
      device_token: user.device_token,
    });
    expect(json.data.device_token).toBe(user.device_token);
  });

  it.each([
    ['made up', () => `${newName()}.${'A'.repeat(43)}`],
    ['altered', ({ device_token }: TestUser) => `${device_token.slice(0, -3)}AAA`],
    ['no token', () => '\u0000'],
    ["somebody else's", (_user: TestUser, other: TestUser) => other.device_token],
  ])('is not known by a token that is %s', async (_what, tokenOf) => {
    const user = await createUser(app);
    await fail(user, { times: 6 });
    expect(await enter(user, tokenOf(user, await createUser(app)))).toBe(401);
  });
});

const change = (token: string, current_password: string) =>
  rest(app, '/users/me/password', {
    method: 'PUT',
    token,
    body: { current_password, new_password: 'amber lantern!7' },
  });

describe('who is signed in', () => {
  it('changes the password while strangers guess', async () => {
    const user = await createUser(app);
    await fail(user, { times: 8 });
    expect((await change(user.token, PASSWORD)).status).toBe(200);
  });

  it('refreshes while strangers guess', async () => {
    const user = await createUser(app);
    await fail(user, { times: 8 });
    expect((await refresh(app, user.refresh_token)).status).toBe(200);
  });

  it('is slowed when guessing at the old password', async () => {
    const user = await createUser(app);
    for (let turn = 0; turn < 6; turn += 1)
      expect(refusalOf(await change(user.token, `wrong lantern ${turn}!`))).toEqual([
        401,
        'INVALID_CREDENTIALS',
      ]);
    expect((await change(user.token, PASSWORD)).status).toBe(401);
    clock.advance(SECOND);
    expect((await change(user.token, PASSWORD)).status).toBe(200);
  });
});
