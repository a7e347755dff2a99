import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { refresh, refusalOf, statusesOf } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { http, rest, trpc } from '#test/calls.ts';
import { createClock, MINUTE, SECOND } from '#test/clock.ts';
import { createUser } from '#test/factories.ts';

const [JWT_SECRET, JWT_SECRET_PREVIOUS] = ['s'.repeat(48), 'p'.repeat(48)];
const clock = createClock();
const app = await testApp({
  now: clock.now,
  environment: { JWT_SECRET, JWT_SECRET_PREVIOUS },
});
const user = await createUser(app);
const [header, payload, signature] = user.token.split('.') as [string, string, string];

const decoded = (part: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(part, 'base64url').toString());
const encoded = (part: unknown): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

const claims = decoded(payload) as { iat: number; exp: number; sid: number };
const asWritten = JSON.stringify(claims);

const signed = (head: string, body: string, secret: string | Buffer = JWT_SECRET): string =>
  `${head}.${body}.${createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url')}`;

const withHeader = (change: object, secret?: string | Buffer) =>
  signed(encoded({ ...decoded(header), ...change }), payload, secret);
const withClaims = (change: object, secret?: string) =>
  signed(header, encoded({ ...claims, ...change }), secret);

it('an access token says who, for whom, by whom and how long', () => {
  expect(decoded(header)).toEqual({ alg: 'HS256', typ: 'at+jwt' });
  expect(decoded(payload)).toEqual({
    sub: String(user.id),
    user_id: user.id,
    username: user.username,
    role: 'user',
    sid: expect.any(Number),
    iat: Math.floor(clock.now().getTime() / 1000),
    exp: claims.iat + 900,
    iss: 'veza-api',
    aud: 'veza',
  });
  expect(signed(header, payload)).toBe(user.token);
});

const unsigned = (alg: string) => `${encoded({ alg, typ: 'at+jwt' })}.${payload}.`;
const own = { kty: 'oct', k: encoded('k'.repeat(32)) };

const bad: [string, string][] = [
  ['without an algorithm', unsigned('none')],
  ['alg None', unsigned('None')],
  ['alg NONE', unsigned('NONE')],
  ['alg none, signed', withHeader({ alg: 'none' })],
  ['alg HS512', withHeader({ alg: 'HS512' })],
  ['alg RS256', withHeader({ alg: 'RS256' })],
  ['alg PS256', withHeader({ alg: 'PS256' })],
  ['alg ES256', withHeader({ alg: 'ES256' })],
  ['no alg', withHeader({ alg: undefined })],
  ['without its signature', `${header}.${payload}.`],
  ['of two parts', `${header}.${payload}`],
  ['with half its signature', `${header}.${payload}.${signature.slice(0, 20)}`],
  ['with a longer signature', `${user.token}AAAA`],
  ['of another secret', withHeader({}, 'x'.repeat(48))],
  ['of an empty secret', withHeader({}, '')],
  ['with the key in the header', withHeader({ jwk: own }, 'k'.repeat(32))],
  ['with a key to fetch', withHeader({ jku: 'http://127.0.0.1/keys' }, 'x')],
  ['with a certificate to fetch', withHeader({ x5u: 'http://127.0.0.1/cert' }, 'x')],
  ['with kid of an empty file', withHeader({ kid: '../../../dev/null' }, '')],
  ['with kid of a statement', withHeader({ kid: "' union select 'x" }, 'x')],
  ['with an unknown critical header', withHeader({ crit: ['x'], x: 1 })],
  ['typ JWT', withHeader({ typ: 'JWT' })],
  ['no typ', withHeader({ typ: undefined })],
  ['by another issuer', withClaims({ iss: 'veza' })],
  ['for another audience', withClaims({ aud: 'stream' })],
  ['without audience', withClaims({ aud: undefined })],
  ['without subject', withClaims({ sub: undefined })],
  ["of somebody else's session", withClaims({ user_id: user.id + 1, sub: String(user.id + 1) })],
  ['of two users', withClaims({ sub: String(user.id + 1) })],
  ['of no session', withClaims({ sid: undefined })],
  ['of a session that never was', withClaims({ sid: 999_999_999 })],
  ['of a session in words', withClaims({ sid: `${claims.sid}` })],
  ['of a session past counting', withClaims({ sid: 1e300 })],
  ['that ends in words', withClaims({ exp: `${claims.exp}` })],
  ['that hardly ends', withClaims({ exp: 1e20 })],
  ['that does not end', withClaims({ exp: undefined })],
  ['that lives too long', withClaims({ exp: claims.exp + 1 })],
  ['of no time', withClaims({ iat: undefined })],
  ['of tomorrow', withClaims({ iat: claims.iat + 86_400, exp: claims.exp + 86_400 })],
  ['that is not valid yet', withClaims({ nbf: claims.iat + 600 })],
  ['with a claim twice', signed(header, encoded(asWritten.replace('{', '{"sid":1,')), 'x')],
  ['with a prototype', signed(header, encoded(asWritten.replace('{', '{"__proto__":{},')), 'x')],
  ['that is encrypted', `${encoded({ alg: 'dir', enc: 'A256GCM', zip: 'DEF' })}..a.b.c`],
  ['that is too long', withClaims({ filler: 'x'.repeat(8192) })],
  ['that is a refresh token', user.refresh_token],
  ['that is a device token', user.device_token],
  ['that is no JSON', signed(header, encoded('{'))],
  ['that is JSON of another kind', signed(header, encoded('null'))],
  ['that is nothing but dots', '..'],
];

describe('a token', () => {
  it.each(bad)('%s is refused, also where none is needed', async (_what, token) => {
    const answers = await Promise.all([
      rest(app, '/users/me', { token }),
      rest(app, '/users', { token }),
      trpc(app, 'users.me', { token }),
      trpc(app, 'users.list', { token }),
    ]);
    for (const answer of answers) {
      expect(refusalOf(answer)).toEqual([401, 'UNAUTHENTICATED']);
      expect(answer.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
    }
  });

  it('of the secret before is taken', async () => {
    expect(await statusesOf(app, withClaims({}, JWT_SECRET_PREVIOUS))).toEqual([200, 200]);
  });

  it('is not taken for a refresh token', async () => {
    const { token } = await createUser(app);
    for (const wrong of [token, 'x', 'A'.repeat(43)])
      expect(refusalOf(await refresh(app, wrong))).toEqual([401, 'UNAUTHENTICATED']);
  });
});

const status = async (authorization: string) =>
  (await http(app, '/api/v1/users', { headers: { authorization } })).status;

describe('an authorization field', () => {
  it.each([
    [`Bearer ${user.token} x`],
    [`Bearer ${user.token},${user.token}`],
    [`Basic ${encoded('ana:secret')}`],
    [user.token],
    [`Token ${user.token}`],
    [''],
  ])('%j is refused', async (authorization) => {
    expect(await status(authorization)).toBe(401);
  });

  it.each([['Bearer'], ['Bearer ']])('%j without a token is a stranger', async (authorization) => {
    expect(await status(authorization)).toBe(200);
    const own = await rest(app, '/users/me', { headers: { authorization } });
    expect(refusalOf(own)).toEqual([401, 'UNAUTHENTICATED']);
  });

  it.each([['bearer'], ['BEARER'], ['Bearer  ']])('may say %s', async (scheme) => {
    expect(await status(`${scheme} ${user.token}`)).toBe(200);
  });
});

describe('an access token that has expired', () => {
  it.each([JWT_SECRET, JWT_SECRET_PREVIOUS])('is told so, seen before or not', async (secret) => {
    const fresh = await createUser(app);
    const [head, body] = fresh.token.split('.') as [string, string];
    const token = signed(head, body, secret);
    clock.advance(15 * MINUTE - SECOND);
    expect(await statusesOf(app, token)).toEqual([200, 200]);
    clock.advance(SECOND);
    const unseen = withClaims({ jti: secret }, secret);
    for (const expired of [token, unseen])
      for (const answer of [
        await rest(app, '/users', { token: expired }),
        await trpc(app, 'users.list', { token: expired }),
      ])
        expect(refusalOf(answer)).toEqual([401, 'TOKEN_EXPIRED']);
  });
});
