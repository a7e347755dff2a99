import { beforeEach, describe, expect, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { form, http, rest, trpc } from '#test/calls.ts';
import { createUser, createWav, PASSWORD } from '#test/factories.ts';

const lines: string[] = [];
const app = await testApp({ log: (line) => lines.push(line) });
const user = await createUser(app);

type Line = Record<string, unknown>;

const parsed = (): Line[] => lines.map((line) => JSON.parse(line) as Line);
const requests = (): Line[] => parsed().filter(({ message }) => message === 'request');

beforeEach(() => {
  lines.length = 0;
});

describe('the access log', () => {
  it('has one line a request, with these fields', async () => {
    const { headers } = await rest(app, '/users/me', {
      token: user.token,
      headers: { 'user-agent': 'a test' },
      address: '192.0.2.7',
    });
    expect(requests()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z$/),
        client_ip: '192.0.2.7',
        method: 'GET',
        path: '/api/v1/users/me',
        proto: 'HTTP/1.1',
        status: 200,
        latency_ms: expect.any(Number),
        user_agent: 'a test',
        error: null,
        request_id: headers['x-request-id'],
        user_id: user.id,
        message: 'request',
      },
    ]);
  });

  it('names the refusal of each stage by its code', async () => {
    await rest(app, '/users/me');
    await rest(app, '/users/me', { token: 'x' });
    await http(app, '/nowhere');
    await rest(app, '/users/%zz');
    await trpc(app, 'users.me');
    await rest(app, '/users?limit=0');
    expect(requests().map(({ path, status, error }) => [path, status, error])).toEqual([
      ['/api/v1/users/me', 401, 'UNAUTHENTICATED'],
      ['/api/v1/users/me', 401, 'UNAUTHENTICATED'],
      ['/nowhere', 404, 'NOT_FOUND'],
      ['/api/v1/users/%zz', 400, 'VALIDATION_ERROR'],
      ['/trpc/users.me', 401, 'UNAUTHENTICATED'],
      ['/api/v1/users', 400, 'VALIDATION_ERROR'],
    ]);
  });

  it('keeps each request on a line of its own, whatever was sent', async () => {
    const agent = 'a\u001b[31m "b"\t{}';
    await rest(app, '/users/1%0d%0ainjected', { headers: { 'user-agent': agent } });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).not.toMatch(/\p{Cc}/u);
    expect(requests()[0]).toMatchObject({ user_agent: agent });
  });

  it('never holds what is secret', async () => {
    const { username, refresh_token, device_token, token } = user;
    const body = { username, password: PASSWORD, device_token };
    await rest(app, '/auth/login', { method: 'POST', body });
    await rest(app, '/auth/login', { method: 'POST', body: { ...body, password: 'wrong-secret' } });
    await rest(app, '/auth/refresh', { method: 'POST', body: { refresh_token } });
    await trpc(app, 'auth.login', { type: 'mutation', input: body });
    await rest(app, `/users?access_token=${token}`, { token });
    await http(app, `/trpc/users.me?input=${encodeURIComponent(JSON.stringify({ token }))}`, {
      token,
    });
    await rest(app, '/tracks', { method: 'POST', token, ...form({ content: createWav() }) });
    const url = (await rest(app, '/tracks/1/stream-url', { token })).json.data.url as string;
    await http(app, new URL(url).pathname + new URL(url).search);

    const log = lines.join('');
    expect(requests().length).toBeGreaterThanOrEqual(9);
    const secrets = [PASSWORD, 'wrong-secret', token, refresh_token, device_token];
    for (const secret of [...secrets, String(new URL(url).searchParams.get('sig'))])
      expect(log).not.toContain(secret);
  });
});
