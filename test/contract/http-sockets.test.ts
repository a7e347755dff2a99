import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { beforeAll, describe, expect, it } from 'vitest';
import { testApp } from '#test/app.ts';

const app = await testApp();
let port = 0;

beforeAll(async () => {
  const address = await app.http.listen({ host: '127.0.0.1', port: 0 });
  port = Number(new URL(address).port);
});

/** Bytes as they are, which a client library would not send. */
const open = async (bytes: string): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  socket.write(bytes);
  return socket;
};

/** Everything that was answered until the server closed the connection. */
const answered = async (socket: Socket): Promise<string> => {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // Not `once` of node:events: what was still being sent when the server left is no failure.
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString();
};

const send = async (bytes: string): Promise<string> => answered(await open(bytes));

const request = (line: string, ...headers: string[]): string =>
  [line, 'Host: veza.test', 'Connection: close', ...headers, '', ''].join('\r\n');

const parts = (answer: string) => {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head, body };
};

describe('what is no HTTP', () => {
  it.each([
    ['another protocol', 'GARBAGE\r\n\r\n', 400, 'VALIDATION_ERROR'],
    ['an unknown method', request('FOO / HTTP/1.1'), 400, 'VALIDATION_ERROR'],
    [
      'a length beside chunks',
      request('POST /api/v1/users HTTP/1.1', 'Content-Length: 3', 'Transfer-Encoding: chunked'),
      400,
      'VALIDATION_ERROR',
    ],
    [
      'two lengths',
      request('POST /api/v1/users HTTP/1.1', 'Content-Length: 3', 'Content-Length: 4'),
      400,
      'VALIDATION_ERROR',
    ],
    ['a header that folds', request('GET / HTTP/1.1', 'X: a\n b'), 400, 'VALIDATION_ERROR'],
    [
      'headers without end',
      request('GET / HTTP/1.1', `X: ${'x'.repeat(40_000)}`),
      431,
      'HEADERS_TOO_LARGE',
    ],
    [
      'an address without end',
      request(`GET /${'x'.repeat(40_000)} HTTP/1.1`),
      431,
      'HEADERS_TOO_LARGE',
    ],
  ])('is refused in the envelope and cut: %s', async (_name, bytes, expected, code) => {
    const { status, head, body } = parts(await send(bytes));
    expect(status).toBe(expected);
    const { success, error, meta } = JSON.parse(body);
    expect([success, error.code, error.details]).toEqual([false, code, []]);
    expect(head.toLowerCase()).toContain(`x-request-id: ${meta.request_id}`);
    expect(head.toLowerCase()).toContain('connection: close');
  });

  it('hides no second request behind a refused one', async () => {
    const answer = await send(`GARBAGE\r\n\r\n${request('GET /api/v1/users HTTP/1.1')}`);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });
});

describe('an address as it is', () => {
  it.each([
    '/api/v1/./users/me',
    '/api/v1/../v1/users/me',
    '/api/v1/tracks/../users/me',
    '/health/../api/v1/users/me',
    '/stream/../api/v1/users/me',
    '\\api\\v1\\users\\me',
  ])('is not normalised into another: %s', async (path) => {
    const { status } = parts(await send(request(`GET ${path} HTTP/1.1`)));
    expect([400, 404]).toContain(status);
  });

  it.each(['TRACE', 'PROPFIND', 'LOCK', 'PURGE'])('is not found by %s', async (method) => {
    const { status } = parts(await send(request(`${method} /api/v1/users HTTP/1.1`)));
    expect(status).toBe(404);
  });

  it('with another host in it is still ours', async () => {
    const { status } = parts(
      await send(request('GET http://evil.example/api/v1/users/me HTTP/1.1')),
    );
    expect(status).toBe(401);
  });
});

describe('a body without end', () => {
  it('is refused, and cut, when 1 MiB of it has come', async () => {
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;
    const socket = await open(
      request(
        'POST /api/v1/auth/login HTTP/1.1',
        'Content-Type: application/json',
        'Transfer-Encoding: chunked',
      ),
    );
    let sent = 0;
    const pump = (): void => {
      while (socket.writable && sent < 1e9) {
        sent += chunk.length;
        if (!socket.write(chunk)) return void socket.once('drain', pump);
      }
    };
    pump();
    const { status } = parts(await answered(socket));
    expect(status).toBe(413);
    expect(sent).toBeLessThan(32 * 2 ** 20);
  });
});
