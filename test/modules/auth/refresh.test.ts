import { describe, expect, it } from 'vitest';
import { fieldsOf, login, refresh, refusalOf, statusesOf } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { recordsOf } from '#test/audit.ts';
import { rest, trpc } from '#test/calls.ts';
import { createClock, DAY, SECOND } from '#test/clock.ts';
import { createUser, PASSWORD, type TestUser } from '#test/factories.ts';
import { query, sha256 } from '#test/tracks.ts';

const [first, second] = ['1'.repeat(48), '2'.repeat(48)];
const clock = createClock();
const { now } = clock;
const app = await testApp({ now, environment: { JWT_SECRET: first } });
const beside = (environment: Record<string, string>) => testApp({ now, beside: app, environment });
const rotating = await beside({ JWT_SECRET: second, JWT_SECRET_PREVIOUS: first });
const rotated = await beside({ JWT_SECRET: second });
const lasting = await beside({ JWT_SECRET: first, JWT_REFRESH_ROTATION: 'false' });

const next = async (token: string, on = app): Promise<string> => {
  const { status, json } = await refresh(on, token);
  expect(status).toBe(200);
  return json.data.refresh_token;
};

const tokensOf = (user: TestUser) =>
  query(
    app,
    `select encode(token_hash, 'hex') as digest, used_at from refresh_tokens
     join sessions on sessions.id = session_id where user_id = ${user.id} order by issued_at, used_at`,
  );

describe('a refresh', () => {
  it('answers new tokens and uses the old one up', async () => {
    const user = await createUser(app);
    clock.advance(SECOND);
    const { status, json, headers } = await refresh(app, user.refresh_token);
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('no-store');
    expect(json.data).toEqual({
      access_token: expect.any(String),
      refresh_token: expect.stringMatching(/^[\w-]{43}$/),
      token_type: 'Bearer',
      expires_in: 900,
    });
    expect(json.data.refresh_token).not.toBe(user.refresh_token);
    expect(json.data.access_token).not.toBe(user.token);
    expect(await statusesOf(app, json.data.access_token)).toEqual([200, 200]);
    expect(await statusesOf(app, user.token)).toEqual([200, 200]);
  });

  it('is the same over tRPC, alone', async () => {
    const { refresh_token } = await createUser(app);
    const input = { refresh_token };
    const { json } = await trpc(app, 'auth.refresh', { type: 'mutation', input });
    expect(Object.keys(json.result.data).sort()).toEqual([
      'access_token',
      'expires_in',
      'refresh_token',
      'token_type',
    ]);
    const batch = await trpc(app, 'auth.refresh,auth.refresh?batch=1', {
      type: 'mutation',
      input: { 0: input, 1: input },
    });
    for (const { error } of batch.json) expect(error.data.code).toBe('VALIDATION_ERROR');
  });

  it('stays in its session and says when', async () => {
    const user = await createUser(app);
    const session = async (token: string) =>
      (await rest(app, '/auth/me', { token })).json.data.session;
    const before = await session(user.token);
    clock.advance(60 * SECOND);
    const { json } = await refresh(app, user.refresh_token);
    expect(await session(json.data.access_token)).toEqual({
      ...before,
      last_used_at: now().toISOString(),
    });
  });

  it('carries the role that the account has now', async () => {
    const user = await createUser(app, { role: 'moderator' });
    const { json } = await refresh(app, user.refresh_token);
    const [, body = ''] = json.data.access_token.split('.');
    expect(JSON.parse(Buffer.from(body, 'base64url').toString()).role).toBe('moderator');
  });

  it.each([
    ['nothing', {}, ['refresh_token']],
    ['something else', { refresh_token: 5, token: 'x' }, ['refresh_token', 'token']],
  ])('of %s is refused', async (_what, body, fields) => {
    const answer = await rest(app, '/auth/refresh', { method: 'POST', body });
    expect(refusalOf(answer)).toEqual([400, 'VALIDATION_ERROR']);
    expect(fieldsOf(answer)).toEqual(fields);
  });

  it('keeps tokens as SHA-256 alone', async () => {
    const user = await createUser(app);
    const successor = await next(user.refresh_token);
    const given = [user.refresh_token, successor];
    const digests = given.map((token) => sha256(Buffer.from(token)));
    expect((await tokensOf(user)).map(({ digest }) => digest)).toEqual(digests);
    const tables = await query(
      app,
      `select table_name as name from information_schema.tables where table_schema = 'public'`,
    );
    expect(tables.length).toBeGreaterThan(5);
    for (const { name } of tables)
      for (const token of [...given, user.token, user.device_token])
        expect(
          await query(app, `select * from "${String(name)}" t where t::text like '%${token}%'`),
        ).toEqual([]);
  });
});

describe('the predecessor of the live token', () => {
  it('gets the same successor for ten seconds', async () => {
    const user = await createUser(app);
    const successor = await next(user.refresh_token);
    clock.advance(10 * SECOND);
    expect(await next(user.refresh_token)).toBe(successor);
    expect(await tokensOf(user)).toHaveLength(2);
    expect(await next(successor)).not.toBe(successor);
  });

  it('has one successor, however many ask at once', async () => {
    const user = await createUser(app);
    const successors = await Promise.all(
      Array.from({ length: 20 }, () => next(user.refresh_token)),
    );
    expect(new Set(successors).size).toBe(1);
    expect(await tokensOf(user)).toHaveLength(2);
    expect(await recordsOf(app, user, 'token_reused')).toEqual([]);
  });
});

const expectEnd = async (user: TestUser, reused: string, live: string) => {
  const other = await login(app, { email: user.email, password: PASSWORD });
  const headers = { 'user-agent': 'thief/1', 'x-request-id': `reuse-${user.id}` };
  const answer = await refresh(app, reused, { headers, address: '192.0.2.66' });
  expect(refusalOf(answer)).toEqual([401, 'TOKEN_REUSED']);
  expect(await statusesOf(app, user.token)).toEqual([401, 401]);
  expect(refusalOf(await refresh(app, live))).toEqual([401, 'UNAUTHENTICATED']);
  expect(await statusesOf(app, other.json.data.access_token)).toEqual([200, 200]);
  expect(await recordsOf(app, user, 'token_reused')).toEqual([
    {
      id: expect.any(Number),
      event_type: 'token_reused',
      user_id: user.id,
      success: false,
      details: { session_id: expect.any(Number) },
      request_id: `reuse-${user.id}`,
      ip_address: '192.0.2.66',
      user_agent: 'thief/1',
    },
  ]);
};

describe('a re-use ends the session', () => {
  it('after ten seconds', async () => {
    const user = await createUser(app);
    const live = await next(user.refresh_token);
    clock.advance(10 * SECOND + 1);
    await expectEnd(user, user.refresh_token, live);
  });

  it("of the predecessor's predecessor, at any time", async () => {
    const user = await createUser(app);
    const live = await next(await next(user.refresh_token));
    await expectEnd(user, user.refresh_token, live);
  });

  it('of a token that would have expired', async () => {
    const user = await createUser(app);
    let live = await next(user.refresh_token);
    for (let day = 0; day < 8; day += 1) {
      clock.advance(DAY);
      live = await next(live);
    }
    const { json } = await refresh(app, live);
    const fresh = { ...user, token: json.data.access_token };
    await expectEnd(fresh, user.refresh_token, json.data.refresh_token);
  });
});

describe('a refresh token expires', () => {
  it.each([
    ['used up', app],
    ['lasting', lasting],
  ])('unused for seven days, when it is %s', async (_kind, on) => {
    let { refresh_token: token } = await createUser(on);
    for (let use = 0; use < 3; use += 1) {
      clock.advance(7 * DAY - 1);
      token = await next(token, on);
    }
    clock.advance(7 * DAY);
    expect(refusalOf(await refresh(on, token))).toEqual([401, 'TOKEN_EXPIRED']);
  });

  it('with its session after thirty days, however often it is used', async () => {
    let { refresh_token: token } = await createUser(app);
    for (let day = 1; day < 30; day += 1) {
      clock.advance(DAY);
      token = await next(token);
    }
    clock.advance(DAY - 1);
    token = await next(token);
    clock.advance(1);
    expect(refusalOf(await refresh(app, token))).toEqual([401, 'TOKEN_EXPIRED']);
  });
});

describe('without rotation', () => {
  it('a refresh answers the same token each time', async () => {
    const user = await createUser(lasting);
    for (let use = 0; use < 3; use += 1)
      expect(await next(user.refresh_token, lasting)).toBe(user.refresh_token);
    expect(await tokensOf(user)).toHaveLength(1);
  });
});

describe('a new secret', () => {
  it('takes the tokens of the one before it and signs with itself', async () => {
    const user = await createUser(app);
    expect(await statusesOf(rotating, user.token)).toEqual([200, 200]);
    const { json } = await refresh(rotating, user.refresh_token);
    expect(await statusesOf(rotating, json.data.access_token)).toEqual([200, 200]);
    expect(await statusesOf(rotated, json.data.access_token)).toEqual([200, 200]);
    expect(await statusesOf(app, json.data.access_token)).toEqual([401, 401]);
  });

  it('keeps an answer that was lost while it came', async () => {
    const user = await createUser(app);
    const successor = await next(user.refresh_token, app);
    expect(await next(user.refresh_token, rotating)).toBe(successor);
    const later = await next(successor, rotating);
    expect(await next(successor, rotated)).toBe(later);
  });

  it('ends what the one before it signed, and no session', async () => {
    const user = await createUser(app);
    expect(await statusesOf(rotated, user.token)).toEqual([401, 401]);
    expect(await next(user.refresh_token, rotated)).not.toBe(user.refresh_token);
  });

  it('knows the devices of the one before it', async () => {
    const { email, device_token } = await createUser(app);
    const enter = async (on: typeof app) =>
      (await login(on, { email, password: PASSWORD, device_token })).json.data.device_token;
    const [device] = device_token.split('.');
    expect(await enter(rotating)).toMatch(new RegExp(`^${device}\\.`));
    expect(await enter(rotated)).not.toMatch(new RegExp(`^${device}\\.`));
  });
});

const refreshed = async (state: 'suspended' | 'banned' | 'deleted') => {
  const user = await createUser(app, { state });
  return refresh(app, user.refresh_token);
};

describe('an account that is', () => {
  it('suspended refreshes', async () => {
    expect((await refreshed('suspended')).status).toBe(200);
  });

  it.each(['banned', 'deleted'] as const)('%s does not', async (state) => {
    expect(refusalOf(await refreshed(state))).toEqual([401, 'UNAUTHENTICATED']);
  });
});
