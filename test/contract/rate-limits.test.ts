import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type TestApp, testApp } from '#test/app.ts';
import { type Answer, http, rest, trpc } from '#test/calls.ts';
import { createUser, PASSWORD } from '#test/factories.ts';

/** The limits of production, and a clock of the limiter that stands until a test moves it. */
beforeAll(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterAll(() => void vi.useRealTimers());

const environment = { RATE_LIMIT_FACTOR: '1', REQUEST_TIMEOUT: '15s' };
const app = await testApp({ environment });
const behind = await testApp({
  environment: { ...environment, TRUSTED_PROXIES: '10.0.0.0/8,fd00::/8' },
});

let hosts = 0;
/** An address that nobody has called from. */
const fresh = (): string => {
  hosts += 1;
  return `198.51.${hosts >> 8}.${hosts & 255}`;
};

const call = (address: string, path = '/users/1', headers: Record<string, string> = {}) =>
  rest(app, path, { address, headers });

const times = async (count: number, ask: () => Promise<Answer>): Promise<Answer[]> => {
  const answers: Answer[] = [];
  for (let turn = 0; turn < count; turn += 1) answers.push(await ask());
  return answers;
};

const limitsIn = ({ headers }: Answer) =>
  ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'].map((name) =>
    Number(headers[name]),
  );

const expectRefused = (answer: Answer | undefined, bucket: string): void => {
  const error = answer?.json.error.data ?? answer?.json.error;
  expect([answer?.status, error?.code]).toEqual([429, 'RATE_LIMITED']);
  expect(error.details).toEqual([{ field: 'bucket', message: bucket }]);
  expect(Number(answer?.headers['retry-after'])).toBeGreaterThan(0);
};

describe('a stranger', () => {
  it('calls a hundred times at once, is refused after, and again let in as time passes', async () => {
    const address = fresh();
    const answers = await times(100, () => call(address));
    expect(answers.map(({ status }) => status)).not.toContain(429);
    expect(limitsIn(answers[0] as Answer)).toEqual([100, 99, 1]);
    expect(limitsIn(answers[99] as Answer)).toEqual([100, 0, 60]);

    const refused = await call(address);
    expectRefused(refused, 'stranger');
    expect([limitsIn(refused).slice(0, 2), refused.headers['retry-after']]).toEqual([
      [100, 0],
      '1',
    ]);

    vi.advanceTimersByTime(600);
    expect((await call(address)).status).not.toBe(429);
    expectRefused(await call(address), 'stranger');
    vi.advanceTimersByTime(60_000);
    expect(limitsIn(await call(address))[1]).toBe(99);
  });

  it('does not use up what another has', async () => {
    const address = fresh();
    await times(100, () => call(address));
    expectRefused(await call(address), 'stranger');
    expect((await call(fresh())).status).not.toBe(429);
  });

  it('is counted for whatever is refused, too', async () => {
    const address = fresh();
    const headers = { authorization: 'Bearer x' };
    const refusals = [
      () => http(app, '/nowhere', { address }),
      () => http(app, '/nowhere', { address, method: 'POST', body: Buffer.from('{') }),
      () => http(app, '/nowhere', { address, headers }),
      () => rest(app, '/users/%zz', { address }),
      () => rest(app, '/users/me', { address }),
      () => rest(app, '/users/me', { address, headers }),
      () => rest(app, '/users/me', { address, method: 'PATCH' }),
      () => rest(app, '/users?limit=0', { address }),
      () => rest(app, '/auth/login', { address, method: 'POST', body: Buffer.from('{') }),
      () => trpc(app, 'no.such', { address }),
      () => trpc(app, 'users.me', { address, headers }),
      () => http(app, '/stream/1', { address }),
    ];
    for (const [turn, refusal] of refusals.entries())
      expect(limitsIn(await refusal())).toEqual([100, 99 - turn, expect.any(Number)]);
    await times(100 - refusals.length, () => http(app, '/nowhere', { address }));
    for (const refusal of refusals) expect((await refusal()).status).toBe(429);
  });

  it('has one bucket for both doors', async () => {
    const address = fresh();
    await times(50, () => call(address));
    await times(50, () => trpc(app, 'users.list', { address }));
    expectRefused(await call(address), 'stranger');
    expectRefused(await trpc(app, 'users.list', { address }), 'stranger');
  });

  it('of IPv6 is its /64', async () => {
    await times(60, () => call('2001:db8:1:2::1'));
    await times(40, () => call('2001:db8:1:2:ffff:ffff:ffff:ffff'));
    expectRefused(await call('2001:db8:1:2:3::'), 'stranger');
    expect((await call('2001:db8:1:3::1')).status).not.toBe(429);
  });

  it('of IPv4 is the same when written as IPv6', async () => {
    const address = fresh();
    await times(100, () => call(address));
    expectRefused(await call(`::ffff:${address}`), 'stranger');
  });
});

describe('a signed-in caller', () => {
  it('calls five hundred times, from wherever, and counts against no address', async () => {
    const user = await createUser(app);
    const ask = (address: string) => rest(app, '/users/me', { token: user.token, address });
    const office = fresh();
    const answers = await times(250, () => ask(office));
    expect(limitsIn(answers[0] as Answer)).toEqual([500, 499, 1]);
    const elsewhere = await times(250, () => ask(fresh()));
    expect([...answers, ...elsewhere].map(({ status }) => status)).not.toContain(429);
    expectRefused(await ask(office), 'member');
    expect(limitsIn(await call(office))[1]).toBe(99);
  });
});

describe('a batch', () => {
  const batch = (calls: number, address: string) =>
    http(app, `/trpc/${Array(calls).fill('users.list').join(',')}?batch=1`, { address });

  it('counts each of its calls', async () => {
    const address = fresh();
    const answer = await batch(10, address);
    expect([answer.status, answer.json.length]).toEqual([200, 10]);
    expect(limitsIn(answer)[1]).toBe(90);
    await times(9, () => batch(10, address));
    expectRefused(await call(address), 'stranger');
  });

  it('that has not as many left is refused as a whole', async () => {
    const address = fresh();
    await times(95, () => call(address));
    const answer = await batch(10, address);
    expectRefused(answer, 'stranger');
    expect(answer.json.error.data.request_id).toBe(answer.headers['x-request-id']);
  });

  it.each([
    ['eleven', `${Array(11).fill('users.list').join(',')}?batch=1`],
    ['eleven, encoded', `${Array(11).fill('users.list').join('%2C')}?batch=1`],
    ['a thousand of nothing', `${','.repeat(1000)}?batch=1`],
    ['eleven, and batch given twice', `${Array(11).fill('users.list').join(',')}?batch=1&batch=0`],
  ])('of more than ten calls is refused: %s', async (_name, path) => {
    const answer = await http(app, `/trpc/${path}`, { address: fresh() });
    expect([answer.status, answer.json.error.data.code]).toEqual([400, 'VALIDATION_ERROR']);
    expect(answer.json.error.data.request_id).toBe(answer.headers['x-request-id']);
  });

  it('is no way around the count by encoding twice', async () => {
    const path = Array(11).fill('users.list').join('%252C');
    const answer = await http(app, `/trpc/${path}?batch=1`, { address: fresh() });
    expect(answer.status).toBe(404);
  });

  it('takes no sign-in', async () => {
    const login = { username: 'nobody', password: PASSWORD };
    const answer = await http(app, '/trpc/auth.login,auth.login?batch=1', {
      method: 'POST',
      body: { 0: login, 1: login },
      address: fresh(),
    });
    expect(answer.status).toBe(400);
    for (const { error } of answer.json) expect(error.data.code).toBe('VALIDATION_ERROR');
    const alone = await http(app, '/trpc/auth.login?batch=1', {
      method: 'POST',
      body: { 0: login },
      address: fresh(),
    });
    expect(alone.json[0].error.data.code).toBe('INVALID_CREDENTIALS');
  });
});

let names = 0;
const register = (to: TestApp, address: string, changes: object = {}) => {
  names += 1;
  const username = `limited${names}`;
  const email = `${username}@example.com`;
  const body = { username, email, password: PASSWORD, ...changes };
  return rest(to, '/auth/register', { method: 'POST', body, address });
};

describe('registering', () => {
  it('is done five times an hour from an address; what is malformed costs nothing', async () => {
    const address = fresh();
    const malformed = [{ username: '!' }, { email: 'x' }, { password: 'short' }, { extra: 1 }];
    for (const changes of malformed)
      expect((await register(app, address, changes)).status).toBe(400);
    const answers = await times(5, () => register(app, address));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
    const refused = await register(app, address);
    expectRefused(refused, 'register');
    expect(Number(refused.headers['retry-after'])).toBe(720);
    expectRefused(
      await trpc(app, 'auth.register', {
        type: 'mutation',
        input: { username: 'limited', email: 'limited@example.com', password: PASSWORD },
        address,
      }),
      'register',
    );
    expect((await register(app, fresh())).status).toBe(201);
    vi.advanceTimersByTime(720_000);
    expect((await register(app, address)).status).toBe(201);
  });

  it('is counted by the /64 of IPv6', async () => {
    for (const host of [1, 2, 3, 4, 5]) await register(app, `2001:db8:9:9::${host}`);
    expectRefused(await register(app, '2001:db8:9:9::6'), 'register');
  });
});

describe('signing in', () => {
  const login = (username: string, address: string) =>
    rest(app, '/auth/login', {
      method: 'POST',
      body: { username, password: 'wrong!wrong' },
      address,
    });

  it('is tried ten times in a quarter of an hour for an account from an address', async () => {
    const address = fresh();
    const answers = await times(10, () => login('Nobody1', address));
    expect(answers.map(({ status }) => status)).not.toContain(429);
    expectRefused(await login('nobody1', address), 'login');
    expect((await login('nobody2', address)).status).toBe(401);
    expect((await login('nobody1', fresh())).status).toBe(401);
  });
});

describe('a forwarded address', () => {
  it('counts for nothing when nobody is trusted', async () => {
    const address = fresh();
    for (let turn = 0; turn < 100; turn += 1)
      await call(address, '/users/1', { 'x-forwarded-for': fresh() });
    expectRefused(
      await call(address, '/users/1', { 'x-forwarded-for': fresh(), forwarded: 'for=1.2.3.4' }),
      'stranger',
    );
  });

  it('counts when a trusted proxy tells it, and only as far as trust goes', async () => {
    const from = (address: string, forwarded: string) =>
      rest(behind, '/users/1', { address, headers: { 'x-forwarded-for': forwarded } });
    const remaining = async (address: string, forwarded: string) =>
      limitsIn(await from(address, forwarded))[1];

    expect(await remaining('10.0.0.1', '192.0.2.1')).toBe(99);
    expect(await remaining('10.9.9.9', '192.0.2.1')).toBe(98);
    expect(await remaining('::ffff:10.0.0.1', '192.0.2.1')).toBe(97);
    expect(await remaining('fd00::1', '192.0.2.1')).toBe(96);
    expect(await remaining('10.0.0.1', '192.0.2.1, 10.1.1.1')).toBe(95);
    expect(await remaining('10.0.0.1', 'spoofed, 6.6.6.6, 192.0.2.1')).toBe(94);
    expect(await remaining('192.0.2.1', '10.0.0.1')).toBe(93);
    expect(await remaining('11.0.0.1', '192.0.2.1')).toBe(99);
  });

  it.each([
    ['a word', 'unknown'],
    ['a hidden name', '_hidden'],
    ['an address with a port', '192.0.2.1:4711'],
    ['an IPv6 address with a port', '[2001:db8::1]:80'],
    ['empty', ','],
    ['long', 'a'.repeat(4000)],
  ])('that is %s breaks nothing', async (_name, forwarded) => {
    const headers = { 'x-forwarded-for': forwarded };
    expect((await rest(behind, '/users', { headers, address: '10.2.2.2' })).status).toBe(200);
  });
});
