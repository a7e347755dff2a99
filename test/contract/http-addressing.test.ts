import { describe, expect, it } from 'vitest';
import { proceduresOf } from '#api/procedures.ts';
import { encodeCursor } from '#kernel/cursor.ts';
import { testApp } from '#test/app.ts';
import { http, rest, trpc } from '#test/calls.ts';
import { createTrack, createUser, setReady } from '#test/factories.ts';

const app = await testApp();
const user = await createUser(app);
const track = await createTrack(app, user);
await setReady(app, track.id);

const procedures = proceduresOf(app.router);
const paths = [...new Set(procedures.map(({ route }) => route.path))];
const methodsOf = (path: string): string[] =>
  procedures.filter(({ route }) => route.path === path).map(({ route }) => route.method);
const concrete = (path: string): string => path.replaceAll('{id}', String(track.id));

describe('a query string', () => {
  it('is read by the type that the schema declares', async () => {
    const { status, json } = await rest(app, '/tracks?limit=5&page=2');
    expect(status).toBe(200);
    expect(json.pagination).toMatchObject({ limit: 5, page: 2 });
    const own = await rest(app, '/users/me/tracks?deleted=false', { token: user.token });
    expect(own.json.data).toHaveLength(1);
  });

  it('of tRPC is never coerced', async () => {
    const { status, json } = await trpc(app, 'tracks.list', { input: { limit: '5' } });
    expect([status, json.error.data.code]).toEqual([400, 'VALIDATION_ERROR']);
    await rest(app, '/tracks?limit=5');
    expect((await trpc(app, 'tracks.list', { input: { limit: '5' } })).status).toBe(400);
  });

  it.each([
    ['limit', 'limit=x'],
    ['limit', 'limit='],
    ['limit', 'limit=0'],
    ['limit', 'limit=-1'],
    ['limit', 'limit=-0'],
    ['limit', 'limit=101'],
    ['limit', 'limit=1e1'],
    ['limit', 'limit=0x5'],
    ['limit', 'limit=05'],
    ['limit', 'limit=5.5'],
    ['limit', 'limit=%205'],
    ['limit', 'limit=+5'],
    ['limit', 'limit=NaN'],
    ['limit', 'limit=Infinity'],
    ['limit', 'limit=9223372036854775808'],
    ['limit', 'limit=5&limit=6'],
    ['limit', 'limit=5&limit=5'],
    ['limit[]', 'limit[]=5'],
    ['page', 'page=0'],
    ['page', 'page=1000001'],
    ['genre', 'genre=a&genre=b'],
    ['genre', 'genre=%00'],
    ['format', 'format=exe'],
    ['cursor', 'cursor=x'],
    ['cursor', `cursor=${encodeCursor('tracks', { at: '2026-02-31T00:00:00.000Z', id: 1 })}`],
    ['cursor', `cursor=${'x'.repeat(513)}`],
    ['colour', 'colour=red'],
    ['Limit', 'Limit=5'],
    ['__proto__', '__proto__=1'],
    ['a[__proto__][x]', 'a[__proto__][x]=1'],
    ['constructor', 'constructor=1'],
    ['', '=1'],
  ])('with a bad %s is refused: %s', async (field, query) => {
    const { status, json } = await rest(app, `/tracks?${query}`);
    expect([status, json.error.code]).toEqual([400, 'VALIDATION_ERROR']);
    expect(json.error.details[0].field).toBe(field);
  });

  it('beyond the last page answers none', async () => {
    const { status, json } = await rest(app, '/tracks?page=1000000');
    expect([status, json.data]).toEqual([200, []]);
  });

  it.each(['GET', 'DELETE'] as const)('cannot replace a path parameter of %s', async (method) => {
    const { status, json } = await rest(app, `/tracks/${track.id}?id=999999999`, {
      method,
      token: user.token,
    });
    expect([status, json.error.details[0].field]).toEqual([400, 'id']);
  });

  it('beside a body is refused', async () => {
    const { status, json } = await rest(app, '/users/me?bio=x', {
      method: 'PUT',
      token: user.token,
      body: {},
    });
    expect([status, json.error.details[0].field]).toEqual([400, 'bio']);
  });
});

describe('an id in a path', () => {
  it.each([
    '0',
    '-1',
    '1.5',
    '1e3',
    '0x1',
    '01',
    '+1',
    '%201',
    '1%00',
    '1%0a',
    'x',
    'null',
    '9007199254740993',
    '9223372036854775807',
    '9223372036854775808',
    '9'.repeat(400),
    '%F0%9F%98%80',
    '..%2f..%2fusers',
    '1;x=1',
    "1'--",
  ])('is refused when it is none: %s', async (id) => {
    const { status, json } = await rest(app, `/tracks/${id}`);
    expect([status, json.error.code]).toEqual([400, 'VALIDATION_ERROR']);
  });

  it.each(['%zz', '%', '%c0%80', '%ff', 'a%e2%82', '%u0041'])(
    'that cannot be decoded is refused like any other: %s',
    async (id) => {
      const { status, json, headers } = await rest(app, `/tracks/${id}`);
      expect([status, json.error.code]).toEqual([400, 'VALIDATION_ERROR']);
      expect(json.meta.request_id).toBe(headers['x-request-id']);
      expect(headers).toHaveProperty('ratelimit-remaining');
    },
  );

  it('may be long, but names nothing then', async () => {
    expect((await rest(app, `/tracks/${'9'.repeat(12_000)}`)).status).toBe(400);
  });
});

describe('a path', () => {
  const shapes = [
    '//api/v1/users/me',
    '/api/v1//users/me',
    '/api/v1/users//me',
    '/api/v1/%2e%2e/v1/users/me',
    '/api/v1/users%2Fme',
    '/api/v1%2fusers/me',
    '/api/v1/users/me;x',
    '/api/v1/users/me;/x',
    '/api/v1/users/me/',
    '/API/v1/users/me',
    '/api/v1/Users/me',
    '/api/v1/users/ME',
    '/api/v1/users/me%00',
    '/api/v1/users/me%2e',
    '/api/v1/users/me%20',
    '/api/v1/users/%6de%2f',
    '/api/v1/users/me%zz',
    '/api/v1/users/me.json',
    '/api/v1/auth/sessions/',
    '/trpc/users.me/',
    '/trpc/users%2eme',
    '/trpc/users/me',
    '/trpc/Users.me',
    '/trpc/users.me%00',
    '/trpc/users%252eme',
    '/trpc//users.me',
    '/trpc/__proto__',
    '/trpc/constructor',
    '/trpc/users.constructor',
    '/trpc/users.me,users.me',
    '/trpc/users.list,users.me',
    '/trpc/,',
    '/trpc/,,,?batch=1',
  ];

  it.each(shapes)('of another shape is no way in: %s', async (path) => {
    const { status, text } = await http(app, path);
    expect([400, 401, 404, 405]).toContain(status);
    expect(text).not.toContain('@example.com');
  });

  it('that is percent-encoded without need is the same path, signed in or not', async () => {
    expect((await http(app, '/api/v1/%75sers/me')).status).toBe(401);
    const { status } = await http(app, '/api/v1/%75sers/me', { token: user.token });
    expect(status).toBe(200);
  });

  it('that nobody has is not found, whatever is sent to it', async () => {
    const body = Buffer.from('{');
    for (const type of ['application/json', 'text/xml', 'multipart/form-data'])
      for (const path of ['/api/v1/nowhere', '/nowhere', '/']) {
        const headers = { 'content-type': type };
        const { status, json } = await http(app, path, { method: 'POST', body, headers });
        expect([status, json.error.code]).toEqual([404, 'NOT_FOUND']);
      }
  });
});

describe('a method', () => {
  const every = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

  it.each(paths)('is told which ones %s takes', async (path) => {
    const taken = methodsOf(path);
    const allow = [...taken, ...(taken.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].sort();
    for (const method of every.filter((name) => !taken.includes(name))) {
      const answer = await rest(app, concrete(path), {
        method,
        body: Buffer.from('{'),
        headers: { 'content-type': 'text/xml' },
      });
      expect([answer.status, answer.json.error.code]).toEqual([405, 'METHOD_NOT_ALLOWED']);
      expect(String(answer.headers.allow).split(', ').sort()).toEqual(allow);
    }
  });

  it('cannot be overridden by a header', async () => {
    const headers = { 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE' };
    await rest(app, `/tracks/${track.id}`, { token: user.token, headers });
    expect((await rest(app, `/tracks/${track.id}`)).status).toBe(200);
  });

  it.each(['/users', `/tracks/${track.id}`, `/tracks/${track.id}/stream`])(
    'HEAD answers the headers of GET: %s',
    async (path) => {
      const get = await http(app, `/api/v1${path}`);
      const head = await http(app, `/api/v1${path}`, { method: 'HEAD' });
      expect([head.status, head.bytes.length]).toEqual([get.status, 0]);
      for (const name of ['content-type', 'content-length', 'etag', 'accept-ranges'])
        expect(head.headers[name]).toBe(get.headers[name]);
    },
  );

  it('HEAD where there is no GET is not taken', async () => {
    const { status, headers } = await rest(app, '/auth/login', { method: 'HEAD' });
    expect([status, headers.allow]).toEqual([405, 'POST, OPTIONS']);
  });

  it('OPTIONS tells what a path takes, and does nothing', async () => {
    for (const path of paths) {
      const answer = await rest(app, concrete(path), { method: 'OPTIONS', token: user.token });
      expect([answer.status, answer.text]).toEqual([204, '']);
      for (const method of methodsOf(path)) expect(answer.headers.allow).toContain(method);
    }
  });

  it('of a query or a mutation is that of its kind on tRPC', async () => {
    const asQuery = await http(app, '/trpc/users.updateMe', { token: user.token });
    expect([asQuery.status, asQuery.json.error.data.code]).toEqual([405, 'METHOD_NOT_ALLOWED']);
  });
});
