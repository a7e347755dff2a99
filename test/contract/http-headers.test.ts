import { describe, expect, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { type Answer, http, rest, trpc } from '#test/calls.ts';
import { createUser } from '#test/factories.ts';
import { production } from '#test/production.ts';

const app = await testApp();
const live = await testApp({ environment: production });
const strict = await testApp({
  environment: { RATE_LIMIT_FACTOR: '1', RATE_LIMIT_STRANGER: '1/1h' },
});
const user = await createUser(app);

const json = { 'content-type': 'application/json' };
const cutOff = Buffer.from('{');

/** One answer of every stage, from probes to handlers. */
const stages: Record<string, (headers?: Record<string, string>) => Promise<Answer>> = {
  success: (headers = {}) => rest(app, '/users', { headers }),
  probe: (headers = {}) => http(app, '/live', { headers }),
  'unreadable address': (headers = {}) => rest(app, '/users/%zz', { headers }),
  'no route': (headers = {}) => http(app, '/nowhere', { headers }),
  'other method': (headers = {}) => rest(app, '/users/me', { method: 'PATCH', headers }),
  'bad token': (headers = {}) => rest(app, '/users', { token: 'x', headers }),
  'no token': (headers = {}) => rest(app, '/users/me', { headers }),
  'unreadable body': (headers = {}) =>
    rest(app, '/auth/login', { method: 'POST', body: cutOff, headers: { ...json, ...headers } }),
  'other content': (headers = {}) =>
    rest(app, '/auth/login', {
      method: 'POST',
      body: cutOff,
      headers: { 'content-type': 'text/xml', ...headers },
    }),
  'bad input': (headers = {}) => rest(app, '/users?limit=0', { headers }),
  'absent thing': (headers = {}) => rest(app, '/users/999999999', { headers }),
  'too many calls': async (headers = {}) => {
    await rest(strict, '/users');
    return rest(strict, '/users', { headers });
  },
  'tRPC success': (headers = {}) => trpc(app, 'users.list', { headers }),
  'tRPC refusal': (headers = {}) => trpc(app, 'users.me', { headers }),
  'tRPC bad token': (headers = {}) => trpc(app, 'users.list', { token: 'x', headers }),
};

const named = Object.entries(stages).map(([stage, ask]) => ({ stage, ask }));

const security = {
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'x-xss-protection': '1; mode=block',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'permissions-policy': 'geolocation=(), microphone=(), camera=()',
};

describe('every answer', () => {
  it.each(named)('has security headers: $stage', async ({ ask }) => {
    expect((await ask()).headers).toMatchObject(security);
  });

  it.each(named)('is readable by allowed pages: $stage', async ({ ask }) => {
    const origin = 'http://localhost:5173';
    const { headers } = await ask({ origin });
    expect(headers['access-control-allow-origin']).toBe(origin);
    expect(headers['vary']).toMatch(/\bOrigin\b/i);
    const exposed = String(headers['access-control-expose-headers']).split(', ');
    expect(exposed).toEqual(
      expect.arrayContaining([
        'X-Request-Id',
        'ETag',
        'RateLimit-Remaining',
        'Retry-After',
        'Idempotent-Replayed',
        'Content-Range',
        'Location',
        'Upload-Offset',
        'Tus-Resumable',
      ]),
    );
  });

  it.each(named)('names its request as the caller did: $stage', async ({ ask }) => {
    const { headers, json } = await ask({ 'x-request-id': 'Trace_1.2:3-4' });
    expect(headers['x-request-id']).toBe('Trace_1.2:3-4');
    const told = json?.meta?.request_id ?? json?.error?.data?.request_id;
    if (told !== undefined) expect(told).toBe('Trace_1.2:3-4');
  });

  it('has HSTS and a policy for content in production only', async () => {
    for (const answer of [await rest(live, '/users'), await http(live, '/nowhere')]) {
      expect(answer.headers['strict-transport-security']).toMatch(/max-age=31536000/);
      expect(answer.headers['content-security-policy']).toBe(
        "default-src 'none';frame-ancestors 'none'",
      );
    }
    const { headers } = await rest(app, '/users');
    expect(headers).not.toHaveProperty('strict-transport-security');
    expect(headers).not.toHaveProperty('content-security-policy');
  });
});

describe('the id of a request', () => {
  it.each(['', ' ', 'a b', 'a/b', 'é', '"', 'x'.repeat(129), '{}'])(
    'is minted where %j was sent',
    async (sent) => {
      const { headers, json } = await rest(app, '/users', { headers: { 'x-request-id': sent } });
      expect(headers['x-request-id']).toMatch(/^req_[0-9a-f-]{36}$/);
      expect(json.meta.request_id).toBe(headers['x-request-id']);
    },
  );

  it('may have 128 characters', async () => {
    const id = 'x'.repeat(128);
    const { headers } = await rest(app, '/users', { headers: { 'x-request-id': id } });
    expect(headers['x-request-id']).toBe(id);
  });

  it('differs between requests that have none', async () => {
    const [one, two] = [await rest(app, '/users'), await rest(app, '/users')];
    expect(one.headers['x-request-id']).not.toBe(two.headers['x-request-id']);
  });
});

describe('pages of other origins', () => {
  const allowed = async (to: typeof app, origin: string) =>
    (await rest(to, '/users', { headers: { origin } })).headers['access-control-allow-origin'];

  it.each([
    'http://localhost',
    'https://localhost:1',
    'http://localhost:65535',
    'http://127.0.0.1:3000',
    'http://[::1]:3000',
    'https://veza.app',
    'https://app.veza.com',
  ])('are let in outside production: %s', async (origin) => {
    expect(await allowed(app, origin)).toBe(origin);
  });

  const tricks = [
    'null',
    'https://veza.app.evil.io',
    'https://evilveza.app',
    'https://evil.veza.app',
    'http://veza.app',
    'https://veza.app:8443',
    'https://veza.app/',
    'https://VEZA.app',
    'https://veza_app',
    'https://app.veza.com.evil.io',
    'http://localhost.evil.io',
    'http://localhost:80.evil.io',
    'http://evil.io#http://localhost:80',
    'http://notlocalhost:80',
    'http://127.0.0.1.evil.io',
    'file://localhost',
  ];

  it.each(tricks)('are kept out everywhere: %s', async (origin) => {
    expect(await allowed(app, origin)).toBeUndefined();
    expect(await allowed(live, origin)).toBeUndefined();
  });

  it('are those on the list in production, and localhost is not', async () => {
    expect(await allowed(live, 'https://veza.app')).toBe('https://veza.app');
    expect(await allowed(live, 'http://localhost:5173')).toBeUndefined();
  });

  it('ask first, and are told what they may send', async () => {
    const preflight = await rest(app, '/users/me', {
      method: 'OPTIONS',
      headers: {
        origin: 'http://localhost:5173',
        'access-control-request-method': 'PUT',
        'access-control-request-headers': 'authorization, content-type, if-match',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': 'http://localhost:5173',
      'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
      'access-control-allow-headers': 'authorization, content-type, if-match',
      'access-control-max-age': '600',
    });
    expect(preflight.headers).not.toHaveProperty('access-control-allow-credentials');
  });
});

describe('what carries secrets', () => {
  it('is kept by nobody on the way', async () => {
    const body = { username: user.username, password: 'quiet-harbour!42' };
    const signedIn = await rest(app, '/auth/login', { method: 'POST', body });
    expect(signedIn.status).toBe(200);
    expect(signedIn.headers['cache-control']).toBe('no-store');
    const input = body;
    const over = await trpc(app, 'auth.login', { type: 'mutation', input });
    expect(over.headers['cache-control']).toBe('no-store');
  });
});
