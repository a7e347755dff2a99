import { describe, expect, it } from 'vitest';
import { fieldsOf, login, newAccount, newName, refusalOf, register } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { rest, trpc } from '#test/calls.ts';
import { PASSWORD } from '#test/factories.ts';
import { query } from '#test/tracks.ts';

const app = await testApp();
const limited = await testApp({ beside: app, environment: { RATE_LIMIT_FACTOR: '1' } });

const overTrpc = (input: unknown) => trpc(app, 'auth.register', { type: 'mutation', input });

describe('a registration', () => {
  it('answers the account and a session of it', async () => {
    const { username, email, password } = newAccount();
    const { status, json, headers } = await register(app, { username, email, password });
    expect(status).toBe(201);
    expect(headers['cache-control']).toBe('no-store');
    expect(json.data).toEqual({
      user: {
        id: expect.any(Number),
        username,
        email,
        display_name: null,
        bio: null,
        links: [],
        counts: { tracks: 0 },
        role: 'user',
        state: 'active',
        storage_used_bytes: 0,
        version: 1,
        created_at: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
        updated_at: json.data.user.created_at,
      },
      access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      refresh_token: expect.stringMatching(/^[\w-]{43}$/),
      device_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 900,
    });
    const me = await rest(app, '/users/me', { token: json.data.access_token });
    expect(me.json.data).toEqual(json.data.user);
  });

  it('is the same over tRPC', async () => {
    const { status, json } = await overTrpc(newAccount());
    expect(status).toBe(200);
    const { user, access_token } = json.result.data;
    const me = await rest(app, '/users/me', { token: access_token });
    expect(me.json.data).toEqual(user);
  });

  it('keeps the password as an argon2id hash and nowhere else', async () => {
    const password = `${newName()}!`;
    const { json } = await register(app, { ...newAccount(), password });
    const [row] = await query(app, `select * from users where id = ${json.data.user.id}`);
    expect(row?.['password_hash']).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(JSON.stringify(row)).not.toContain(password);
  });
});

describe('an input that is not one', () => {
  it('is refused with every problem at once', async () => {
    const bad = { username: 'a-', email: 'nobody', password: 'short', role: 'admin', nick: 'x' };
    const answers = [await register(app, bad), await overTrpc(bad)];
    for (const answer of answers) {
      expect(refusalOf(answer)).toEqual([400, 'VALIDATION_ERROR']);
      const fields = ['email', 'nick', 'password', 'role', 'username'];
      expect([...new Set(fieldsOf(answer))]).toEqual(fields);
    }
  });

  it.each([
    ['username', 'ab'],
    ['username', 'a'.repeat(51)],
    ['username', 'ana ruiz'],
    ['username', 'anaé'],
    ['username', 'ana\u0000'],
    ['username', null],
    ['username', 12_345],
    ['email', 'ana@'],
    ['email', 'ana@example'],
    ['email', 'ana@example.com '],
    ['email', 'ana\u0000@example.com'],
    ['email', `${'a'.repeat(250)}@example.com`],
    ['password', 'seven!!'],
    ['password', `!${'x'.repeat(256)}`],
    ['password', 'no special sign 1'],
    ['password', 'with NUL \u0000 in it!'],
    ['password', 'half a pair \ud83c in it!'],
  ])('has a bad %s: %j', async (field, value) => {
    const answer = await register(app, { ...newAccount(), [field]: value });
    expect(refusalOf(answer)).toEqual([400, 'VALIDATION_ERROR']);
    expect(new Set(fieldsOf(answer))).toEqual(new Set([field]));
  });

  it.each(['username', 'email', 'password'])('lacks the %s', async (field) => {
    const answer = await register(app, { ...newAccount(), [field]: undefined });
    expect(fieldsOf(answer)).toEqual([field]);
  });

  it.each([[[]], ['"text"'], [null], [5]])('is no object: %j', async (body) => {
    const answer = await rest(app, '/auth/register', { method: 'POST', body });
    expect(refusalOf(answer)).toEqual([400, 'VALIDATION_ERROR']);
  });
});

const accepts = async (password: string) => {
  const account = { ...newAccount(), password };
  expect((await register(app, account)).status).toBe(201);
  return account;
};

describe('a password', () => {
  it('of 8 characters will do', async () => {
    await accepts('kx7!pqzv');
  });

  it('of 256 characters counts to its last', async () => {
    const long = `!${'ab'.repeat(127)}c`;
    const { username } = await accepts(long);
    const short = await login(app, { username, password: long.slice(0, 255) });
    expect(refusalOf(short)).toEqual([401, 'INVALID_CREDENTIALS']);
    expect((await login(app, { username, password: long })).status).toBe(200);
  });

  it('is taken with the spaces around it', async () => {
    const { username } = await accepts('  amber lantern! ');
    const trimmed = await login(app, { username, password: 'amber lantern!' });
    expect(refusalOf(trimmed)).toEqual([401, 'INVALID_CREDENTIALS']);
  });

  it('is the same however its accents are composed', async () => {
    const { username } = await accepts('cr\u00e8me br\u00fbl\u00e9e!'.normalize('NFC'));
    const password = 'cr\u00e8me br\u00fbl\u00e9e!'.normalize('NFD');
    expect((await login(app, { username, password })).status).toBe(200);
  });

  it.each([
    'password!',
    'Password1!',
    '!qwertyuiop',
    'P@ssw0rd!',
    'iloveyou!!',
    'ｐａｓｓｗｏｒｄ!',
  ])('is refused as common: %s', async (password) => {
    const answer = await register(app, { ...newAccount(), password });
    expect(refusalOf(answer)).toEqual([400, 'VALIDATION_ERROR']);
    expect(fieldsOf(answer)).toEqual(['password']);
  });

  it.each([
    ['username', (name: string) => `my-${name.toUpperCase()}-1!`],
    ['e-mail name', () => 'it is Delphine.Roux!'],
  ])('must not contain the %s', async (_what, password) => {
    const account = { ...newAccount(), email: `delphine.roux@${newName()}.example` };
    const answer = await register(app, { ...account, password: password(account.username) });
    expect(fieldsOf(answer)).toEqual(['password']);
  });

  it('is refused for all its faults at once', async () => {
    const account = { ...newAccount('password'), email: `${newName()}@example.com` };
    expect(fieldsOf(await register(app, { ...account, password: 'password!' }))).toEqual([
      'password',
      'password',
    ]);
  });
});

/** Whoever is told to come again, since too many passwords wait to be hashed, does. */
const registerPatiently = async (account: object) => {
  for (;;) {
    const answer = await register(app, account);
    if (answer.status !== 503) return answer;
  }
};

describe('a name that is taken', () => {
  it.each([
    ['EMAIL_TAKEN', 'email'],
    ['USERNAME_TAKEN', 'username'],
  ] as const)('is %s in whatever case, on both doors', async (code, field) => {
    const taken = newAccount();
    await register(app, taken);
    const again = { ...newAccount(), [field]: taken[field].toUpperCase() };
    for (const answer of [await register(app, again), await overTrpc(again)])
      expect(refusalOf(answer)).toEqual([409, code]);
  });

  it('is given to exactly one of thirty who ask at once', async () => {
    const name = newName();
    const inSomeCase = (turn: number) =>
      name.replaceAll(/./g, (c, i: number) => ((turn >> (i % 5)) & 1 ? c.toUpperCase() : c));
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, turn) =>
        registerPatiently({ ...newAccount(), email: `${inSomeCase(turn)}@example.com` }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(29);
    const kept = `select count(*)::int as users from users where lower(email) = '${name}@example.com'`;
    expect(await query(app, kept)).toEqual([{ users: 1 }]);
  });
});

const from = (address: string) => register(limited, newAccount(), { address });

describe('five registrations an hour', () => {
  it.each([
    ['address', () => '192.0.2.1', '192.0.2.2'],
    ['IPv6 network', (turn: number) => `2001:db8:0:7::${turn + 1}`, '2001:db8:0:8::1'],
  ])('are taken from one %s', async (_what, address, other) => {
    for (let turn = 0; turn < 5; turn += 1) expect((await from(address(turn))).status).toBe(201);
    const sixth = await from(address(5));
    expect(refusalOf(sixth)).toEqual([429, 'RATE_LIMITED']);
    expect(Number(sixth.headers['retry-after'])).toBeGreaterThan(0);
    expect((await from(other)).status).toBe(201);
  });
});

it('is not taken in a batch', async () => {
  const calls = { 0: newAccount(), 1: newAccount() };
  const answer = await trpc(app, 'auth.register,auth.register?batch=1', {
    type: 'mutation',
    input: calls,
  });
  for (const { error } of answer.json) expect(error.data.code).toBe('VALIDATION_ERROR');
  expect((await login(app, { username: calls[0].username, password: PASSWORD })).status).toBe(401);
});
