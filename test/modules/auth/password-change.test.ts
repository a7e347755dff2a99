import { describe, expect, it } from 'vitest';
import { fieldsOf, login, refresh, refusalOf, statusesOf } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { rest, trpc } from '#test/calls.ts';
import { createUser, PASSWORD, setAccount, type TestUser } from '#test/factories.ts';

const app = await testApp();
const NEW = 'amber lantern!7';

const change = (
  { token }: { token?: string },
  body: object = { current_password: PASSWORD, new_password: NEW },
) => rest(app, '/users/me/password', { method: 'PUT', ...(token && { token }), body });

const enter = ({ email }: TestUser, password: string) => login(app, { email, password });

describe('a new password', () => {
  it('ends every session with the old one and goes on in a new one', async () => {
    const user = await createUser(app);
    const phone = (await enter(user, PASSWORD)).json.data;
    const { status, json, headers } = await change(user);
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('no-store');
    expect(Object.keys(json.data)).toEqual(Object.keys(phone));
    for (const token of [user.token, phone.access_token])
      expect(await statusesOf(app, token)).toEqual([401, 401]);
    for (const token of [user.refresh_token, phone.refresh_token])
      expect(refusalOf(await refresh(app, token))).toEqual([401, 'UNAUTHENTICATED']);
    expect(await statusesOf(app, json.data.access_token)).toEqual([200, 200]);
    expect((await refresh(app, json.data.refresh_token)).status).toBe(200);
  });

  it('takes the place of the old one', async () => {
    const user = await createUser(app);
    await change(user);
    expect(refusalOf(await enter(user, PASSWORD))).toEqual([401, 'INVALID_CREDENTIALS']);
    expect((await enter(user, NEW)).status).toBe(200);
  });

  it('may be given over tRPC', async () => {
    const user = await createUser(app);
    const answer = await trpc(app, 'users.changePassword', {
      type: 'mutation',
      token: user.token,
      input: { current_password: PASSWORD, new_password: NEW },
    });
    const { access_token } = answer.json.result.data;
    expect(await statusesOf(app, user.token)).toEqual([401, 401]);
    expect(await statusesOf(app, access_token)).toEqual([200, 200]);
  });

  it('of several given at once is one', async () => {
    const user = await createUser(app);
    const passwords = ['amber lantern!1', 'amber lantern!2', 'amber lantern!3'];
    const answers = await Promise.all(
      passwords.map((new_password) => change(user, { current_password: PASSWORD, new_password })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const entered = await Promise.all(passwords.map((password) => enter(user, password)));
    expect(entered.map(({ status }) => status)).toEqual(answers.map(({ status }) => status));
  });

  it('may be given by a suspended account', async () => {
    const user = await createUser(app);
    await setAccount(app, user.id, { state: 'suspended' });
    expect((await change(user)).status).toBe(200);
  });
});

const expectUnchanged = async (user: TestUser) => {
  expect(await statusesOf(app, user.token)).toEqual([200, 200]);
  expect((await enter(user, PASSWORD)).status).toBe(200);
};

describe('a change that is refused', () => {
  it('lacks the old password', async () => {
    const user = await createUser(app);
    const answer = await change(user, { current_password: 'wrong lantern!', new_password: NEW });
    expect(refusalOf(answer)).toEqual([401, 'INVALID_CREDENTIALS']);
    await expectUnchanged(user);
  });

  it('is not of somebody who is signed in', async () => {
    expect(refusalOf(await change({}))).toEqual([401, 'UNAUTHENTICATED']);
  });

  it.each([
    ['short', 'seven!!'],
    ['long', `!${'x'.repeat(256)}`],
    ['plain', 'no special sign'],
    ['common', 'password!'],
    ['unstorable', 'with NUL \u0000 in it!'],
    ['missing', undefined],
  ])('is to a password that is %s', async (_what, new_password) => {
    const user = await createUser(app);
    const answer = await change(user, { current_password: PASSWORD, new_password });
    expect(refusalOf(answer)).toEqual([400, 'VALIDATION_ERROR']);
    expect(new Set(fieldsOf(answer))).toEqual(new Set(['new_password']));
    await expectUnchanged(user);
  });

  it('is to a password with the username in it', async () => {
    const user = await createUser(app);
    const new_password = `x-${user.username.toUpperCase()}!`;
    const answer = await change(user, { current_password: PASSWORD, new_password });
    expect(fieldsOf(answer)).toEqual(['new_password']);
  });

  it('names every problem of its input', async () => {
    const answer = await change(await createUser(app), { new_password: 'x', username: 'ana' });
    expect([...new Set(fieldsOf(answer))]).toEqual([
      'current_password',
      'new_password',
      'username',
    ]);
  });
});
