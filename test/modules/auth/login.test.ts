import { hashSync } from '@node-rs/argon2';
import { describe, expect, it } from 'vitest';
import { fieldsOf, login, newAccount, newName, refusalOf, register } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { type Answer, rest, trpc } from '#test/calls.ts';
import { createUser, PASSWORD, setAccount, type TestUser } from '#test/factories.ts';
import { query } from '#test/tracks.ts';

const app = await testApp();
const limited = await testApp({ beside: app, environment: { RATE_LIMIT_FACTOR: '1' } });

const overTrpc = (input: unknown) => trpc(app, 'auth.login', { type: 'mutation', input });

describe('signing in', () => {
  it.each(['email', 'username'] as const)('takes the %s in any case', async (by) => {
    const user = await createUser(app);
    for (const name of [user[by], user[by].toUpperCase()]) {
      const credentials = { [by]: name, password: PASSWORD };
      const answer = await login(app, credentials);
      expect(answer.status).toBe(200);
      expect(answer.headers['cache-control']).toBe('no-store');
      const { access_token, user: shown } = answer.json.data;
      expect(shown).toEqual((await rest(app, '/users/me', { token: access_token })).json.data);
      const { json } = await overTrpc(credentials);
      expect(Object.keys(json.result.data)).toEqual(Object.keys(answer.json.data));
    }
  });

  it('opens a session of its own each time', async () => {
    const { email } = await createUser(app);
    const answers = [await login(app, { email, password: PASSWORD })];
    answers.push(await login(app, { email, password: PASSWORD }));
    const [first, second] = answers.map(({ json }) => json.data);
    expect(first.refresh_token).not.toBe(second.refresh_token);
    for (const { access_token: token } of [first, second])
      expect((await rest(app, '/auth/me', { token })).status).toBe(200);
  });

  it.each([
    ['neither name', {}, ['email']],
    ['both names', { email: 'a@example.com', username: 'ana' }, ['email']],
    ['an unknown field', { username: 'ana', remember: true }, ['remember']],
    ['NUL in the name', { username: 'a\u0000b' }, ['username']],
    ['half a character in the name', { username: 'a\ud83cb' }, ['username']],
    ['no e-mail address', { email: 'ana' }, ['email']],
    ['no password', { username: 'ana', password: undefined }, ['password']],
    ['an endless password', { username: 'ana', password: 'x'.repeat(257) }, ['password']],
    ['two problems', { username: '', password: '' }, ['password', 'username']],
  ])('with %s is refused', async (_what, given, fields) => {
    const credentials = { password: PASSWORD, ...given };
    for (const answer of [await login(app, credentials), await overTrpc(credentials)]) {
      expect(refusalOf(answer)).toEqual([400, 'VALIDATION_ERROR']);
      expect(fieldsOf(answer)).toEqual(fields);
    }
  });

  it('is not taken in a batch', async () => {
    const { username } = await createUser(app);
    const answer = await trpc(app, 'auth.login,auth.login?batch=1', {
      type: 'mutation',
      input: { 0: { username, password: PASSWORD }, 1: { username, password: PASSWORD } },
    });
    for (const { error } of answer.json) expect(error.data.code).toBe('VALIDATION_ERROR');
    expect((await login(app, { username, password: PASSWORD })).status).toBe(200);
  });
});

/** All that a caller can tell answers apart by, but the time. */
const seenOf = ({ status, headers, text }: Answer) => ({
  status,
  headers: Object.keys(headers),
  body: text.replace(/"timestamp":"[^"]*"/, ''),
});

const median = (values: number[]): number =>
  values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

describe('a refused sign-in', () => {
  const headers = { 'x-request-id': 'the-same' };
  const wrong = async (credentials: object) =>
    seenOf(await login(app, { password: 'wrong lantern!', ...credentials }, { headers }));

  it('looks the same for whatever reason', async () => {
    const { username, email } = await createUser(app);
    const [banned, deleted] = [await createUser(app), await createUser(app)];
    await setAccount(app, banned.id, { state: 'banned' });
    await setAccount(app, deleted.id, { state: 'deleted' });
    const answer = await wrong({ username });
    expect(answer.status).toBe(401);
    expect(answer.body).toContain('"INVALID_CREDENTIALS"');
    expect(await wrong({ email })).toEqual(answer);
    expect(await wrong({ username: newName() })).toEqual(answer);
    expect(await wrong({ email: newAccount().email })).toEqual(answer);
    expect(await wrong({ username: banned.username })).toEqual(answer);
    expect(await wrong({ username: deleted.username, password: PASSWORD })).toEqual(answer);
    for (let turn = 0; turn < 6; turn += 1) await wrong({ username });
    expect(await wrong({ username, password: PASSWORD })).toEqual(answer);
  });

  it('takes as long for an unknown account as for a known one', async () => {
    const times = { known: [] as number[], unknown: [] as number[] };
    const timed = async (kind: keyof typeof times, username: string) => {
      const began = performance.now();
      await wrong({ username });
      times[kind].push(performance.now() - began);
    };
    for (let turn = 0; turn < 8; turn += 1) {
      await timed('known', (await createUser(app)).username);
      await timed('unknown', newName());
    }
    expect(median(times.unknown)).toBeGreaterThan(median(times.known) / 2);
  });
});

const enterAs = async (state: 'suspended' | 'banned', password = PASSWORD) => {
  const user = await createUser(app, { state });
  return login(app, { email: user.email, password });
};

describe('an account that is', () => {
  it('banned is told so with the right password alone', async () => {
    expect(refusalOf(await enterAs('banned'))).toEqual([403, 'ACCOUNT_BANNED']);
    expect(refusalOf(await enterAs('banned', 'wrong lantern!'))).toEqual([
      401,
      'INVALID_CREDENTIALS',
    ]);
  });

  it('suspended signs in', async () => {
    expect((await enterAs('suspended')).status).toBe(200);
  });
});

const weaken = (user: TestUser) => {
  const hash = hashSync(PASSWORD, { memoryCost: 12_288, timeCost: 2, parallelism: 1 });
  return query(app, `update users set password_hash = '${hash}' where id = ${user.id}`);
};

const parametersOf = async ({ id }: TestUser) => {
  const [row] = await query(app, `select password_hash from users where id = ${id}`);
  return String(row?.['password_hash']).split('$')[3];
};

describe('a hash of weaker parameters', () => {
  it('is replaced at a sign-in, and only by the right password', async () => {
    const user = await createUser(app);
    await weaken(user);
    await login(app, { email: user.email, password: 'wrong lantern!' });
    expect(await parametersOf(user)).toBe('m=12288,t=2,p=1');
    expect((await login(app, { email: user.email, password: PASSWORD })).status).toBe(200);
    expect(await parametersOf(user)).toBe('m=19456,t=2,p=1');
    expect((await login(app, { email: user.email, password: PASSWORD })).status).toBe(200);
  });

  it('does not refuse those who sign in at the same time', async () => {
    const user = await createUser(app);
    await weaken(user);
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => login(app, { email: user.email, password: PASSWORD })),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });
});

const enterLimited = (email: string, address = '192.0.2.1') =>
  login(limited, { email, password: PASSWORD }, { address });

describe('ten sign-ins in fifteen minutes', () => {
  it('are taken for a pair of account and address', async () => {
    const account = newAccount();
    await register(app, account);
    for (let turn = 0; turn < 10; turn += 1)
      expect((await enterLimited(account.email)).status).toBe(200);
    const again = await enterLimited(account.email.toUpperCase());
    expect(refusalOf(again)).toEqual([429, 'RATE_LIMITED']);
    expect(again.json.error.details).toEqual([{ field: 'bucket', message: 'login' }]);
    expect(Number(again.headers['retry-after'])).toBeGreaterThan(0);
    expect((await enterLimited(account.email, '192.0.2.2')).status).toBe(200);
    expect((await enterLimited((await createUser(app)).email)).status).toBe(200);
  });

  it('are not used up by inputs that are none', async () => {
    const { email } = await createUser(app);
    const from = { address: '192.0.2.3' };
    for (let turn = 0; turn < 11; turn += 1) await login(limited, { email }, from);
    expect((await login(limited, { email, password: PASSWORD }, from)).status).toBe(200);
  });
});
