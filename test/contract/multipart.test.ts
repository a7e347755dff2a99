import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer, json } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { fastify, type FastifyRequest } from 'fastify';
import { describe, expect, test } from 'vitest';
import { earlyAnswer } from '#api/early-answer.ts';
import { incomingForm, forms } from '#api/multipart.ts';
import { DomainError, sharedErrors, type ErrorKind } from '#kernel/errors.ts';
import type { IncomingFile, IncomingForm } from '#kernel/upload.ts';
import type { StagedBlob } from '#platform/storage/blob-store.ts';
import { createLocalBlobStore } from '#platform/storage/local.ts';

const limit = 100_000;
const boundary = 'xYzZy';
const formType = `multipart/form-data; boundary=${boundary}`;
const statuses: Partial<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  too_large: 413,
  unsupported_media: 415,
};

type Sink = (file: IncomingFile) => Promise<unknown>;
type Setup = { sink?: Sink; max_file_bytes?: number; idle_ms?: number };

const takeAll: Sink = async ({ content, ...rest }) => ({
  ...rest,
  content: (await buffer(content)).toString('latin1'),
});

/** A server with one form, and what became of the last one received. */
const serve = async ({ sink = takeAll, max_file_bytes = limit, idle_ms = 5000 }: Setup = {}) => {
  const app = fastify({ forceCloseConnections: true });
  const seen: { outcome?: unknown; form?: IncomingForm } = {};
  app.setErrorHandler((error, _request, reply) => {
    seen.outcome = error;
    if (!(error instanceof DomainError)) return reply.code(500).send({ code: String(error) });
    const { kind, code, details } = error;
    return reply.code(statuses[kind] ?? 500).send({ code, details });
  });
  await app.register(earlyAnswer);
  await app.register(forms);
  const receive = async (request: FastifyRequest) => {
    seen.form = incomingForm(request, { file_fields: ['file', 'audio'], max_file_bytes, idle_ms });
    const received = await seen.form.receive(sink);
    seen.outcome = received;
    return received;
  };
  app.post('/', (request) => receive(request));
  app.post('/response', (_request, reply) =>
    reply.send(Response.json({ code: 'X' }, { status: 403 })),
  );
  app.post('/closed', () => Promise.reject(sharedErrors.unauthenticated()));
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  return { app, port, seen, [Symbol.asyncDispose]: () => app.close() };
};

const part = (headers: string, content: string) =>
  `--${boundary}\r\n${headers}\r\n\r\n${content}\r\n`;
const field = (name: string, value: string) =>
  part(`Content-Disposition: form-data; name="${name}"`, value);
const file = (content: string, name = 'file', filename = 'a.mp3') =>
  part(
    `Content-Disposition: form-data; name="${name}"; filename="${filename}"\r\nContent-Type: audio/mpeg`,
    content,
  );
const form = (...parts: string[]) => `${parts.join('')}--${boundary}--\r\n`;

type Answer = { status: number; headers: NodeJS.Dict<string | string[]>; body: Body };
type Body = {
  code?: string;
  details?: { field: string }[];
  stored?: Record<string, unknown>;
  fields?: Record<string, string[]>;
};

const post = async (
  port: number,
  body: string | Readable,
  headers: Record<string, string> = {},
): Promise<Answer> => {
  const asking = httpRequest({
    port,
    host: '127.0.0.1',
    method: 'POST',
    headers: {
      'content-type': formType,
      ...(typeof body === 'string' ? { 'content-length': Buffer.byteLength(body, 'latin1') } : {}),
      ...headers,
    },
  });
  asking.on('error', () => {});
  if (typeof body === 'string') asking.end(body, 'latin1');
  else body.pipe(asking);
  const [answer] = await once(asking, 'response');
  return { status: answer.statusCode, headers: answer.headers, body: (await json(answer)) as Body };
};

const send = async (body: string | Readable, setup?: Setup, headers?: Record<string, string>) => {
  await using server = await serve(setup);
  return await post(server.port, body, headers);
};

const sound = 'not really \r\n--xYz\0 sound \xff';

describe('a good form', () => {
  test.each([
    ['before', form(field('title', 'One'), field('tag', 'a'), field('tag', 'b'), file(sound))],
    ['after', form(file(sound), field('title', 'One'), field('tag', 'a'), field('tag', 'b'))],
    ['around', form(field('tag', 'a'), file(sound), field('title', 'One'), field('tag', 'b'))],
  ])('gives the file and its fields, sent %s it', async (_where, body) => {
    for (const sent of [body, slowly(body)]) {
      const answer = await send(sent);
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({
        stored: { field: 'file', filename: 'a.mp3', content_type: 'audio/mpeg', content: sound },
        fields: { title: ['One'], tag: ['a', 'b'] },
      });
    }
  });

  test.each([
    ['an alternative field', form(file('x', 'audio')), { field: 'audio' }],
    ['an empty file', form(file('')), { content: '' }],
    [
      'a file that holds the boundary',
      form(file(`x${boundary}\r\n--${boundary.slice(0, 4)}`)),
      { content: `x${boundary}\r\n--${boundary.slice(0, 4)}` },
    ],
    [
      'a file with a path in its name',
      form(file('x', 'file', '../../etc/pass\0wd')),
      { filename: 'passwd' },
    ],
    ['a very long name', form(file('x', 'file', 'n'.repeat(4096))), { filename: 'n'.repeat(255) }],
    [
      'another type of file',
      form(
        part(
          'Content-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: text/html',
          '<b>',
        ),
      ),
      { content_type: 'text/html', content: '<b>' },
    ],
    [
      'a transfer encoding, which is not decoded',
      form(
        part(
          'Content-Disposition: form-data; name="file"; filename="a"\r\nContent-Transfer-Encoding: base64',
          'YQ==',
        ),
      ),
      { content: 'YQ==' },
    ],
    ['text before and after', `preamble\r\n${form(file('x'))}epilogue`, { content: 'x' }],
    ['exactly the limit', form(file('x'.repeat(limit))), { content: 'x'.repeat(limit) }],
  ])('may have %s', async (_what, body, stored) => {
    const answer = await send(body);
    expect(answer.status).toBe(200);
    expect(answer.body.stored).toMatchObject(stored);
  });

  test('keeps text as it came: UTF-8, NUL, JSON, 64 KiB, forty fields', async () => {
    const long = 'v'.repeat(65_536);
    const answer = await send(
      form(
        field('text', 'caf\xc3\xa9 \0'),
        part(
          'Content-Disposition: form-data; name="data"\r\nContent-Type: application/json',
          '{"a":[1]}',
        ),
        field('long', long),
        ...Array.from({ length: 37 }, (_, index) => field(`f${index}`, '')),
        file('x'),
      ),
    );
    expect(answer.status).toBe(200);
    expect(answer.body.fields).toMatchObject({
      text: ['café \0'],
      data: ['{"a":[1]}'],
      long: [long],
      f36: [''],
    });
  });

  test('leaves its connection open', async () => {
    const answer = await send(form(file('x')));
    expect(answer.headers.connection).not.toBe('close');
  });

  test('tells the declared size before anything is read', async () => {
    await using server = await serve();
    await post(server.port, form(file('x')));
    expect(server.seen.form?.declared_bytes).toBe(form(file('x')).length);
    await post(server.port, slowly(form(file('x'))));
    expect(server.seen.form?.declared_bytes).toBeUndefined();
  });
});

/** The bytes one by one, in chunks of their own, without a declared length. */
const slowly = (body: string) =>
  Readable.from(Array.from(Buffer.from(body, 'latin1'), (byte) => Buffer.of(byte)));

describe('a bad form is refused by name', () => {
  test.each([
    ['no file', form(field('title', 'x')), 'file'],
    ['a second file', form(file('x'), file('y', 'audio')), 'audio'],
    ['a file under another name', form(file('x', 'cover')), 'cover'],
    ['text under the name of the file', form(field('file', 'x')), 'file'],
    ['text beside the file of its name', form(file('x'), field('audio', 'x')), 'audio'],
    ['a field without a name', form(part('Content-Disposition: form-data', 'x'), file('x')), ''],
    ['a value of 64 KiB and one byte', form(field('long', 'v'.repeat(65_537)), file('x')), 'long'],
    ['a name of 101 characters', form(field('n'.repeat(101), 'x'), file('x')), 'n'.repeat(100)],
    ['a name of 7 KB', form(field('n'.repeat(7000), 'x'), file('x')), 'n'.repeat(100)],
    ['the 41st field', form(...Array.from({ length: 41 }, () => field('f', '')), file('x')), ''],
    [
      'a thousand parts',
      form(...Array.from({ length: 1001 }, () => part('X: y', '')), file('x')),
      '',
    ],
    ['a field called __proto__', form(field('__proto__', 'x'), file('x')), ''],
    ['a file called __proto__', form(file('x', '__proto__')), ''],
    ['a field called constructor', form(field('constructor', 'x'), file('x')), ''],
    [
      'broken JSON',
      form(
        part('Content-Disposition: form-data; name="j"\r\nContent-Type: application/json', '{'),
        file('x'),
      ),
      '',
    ],
    [
      'a header of 100 KB',
      form(
        part(
          `X: ${'y'.repeat(100_000)}\r\nContent-Disposition: form-data; name="file"; filename="a"`,
          'x',
        ),
      ),
      'file',
    ],
    ['a name of 1 MB', form(field('n'.repeat(1_000_000), 'x')), 'n'.repeat(100)],
    ['lines without CR', form(file('x')).replaceAll('\r\n', '\n'), ''],
    ['no parts', form(), 'file'],
    ['an empty body', '', 'file'],
    ['no delimiter at all', 'hello', ''],
    ['no end', form(file('x')).slice(0, -8), ''],
    ['an end within its headers', form(file('x')).slice(0, 40), ''],
    ['an end within a field', form(file('x'), field('title', 'One')).slice(0, -14), ''],
  ])('%s', async (_what, body, name) => {
    const answer = await send(body);
    expect(answer.body).toMatchObject({ code: 'VALIDATION_ERROR', details: [{ field: name }] });
    expect(answer.status).toBe(400);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test.each([
    ['no boundary', 'multipart/form-data', 'VALIDATION_ERROR'],
    ['an empty boundary', 'multipart/form-data; boundary=', 'VALIDATION_ERROR'],
    [
      'a boundary of 200 characters that is not used',
      `multipart/form-data; boundary=${'b'.repeat(200)}`,
      'VALIDATION_ERROR',
    ],
  ])('%s', async (_what, type, code) => {
    const answer = await send(form(file('x')), {}, { 'content-type': type });
    expect(answer.body.code).toBe(code);
  });

  test('fields that are too large together, though none is by itself', async () => {
    const fields = ['a', 'b', 'c'].map((name) => field(name, 'x'.repeat(60_000)));
    const answer = await send(form(...fields, file('x')));
    expect([answer.status, answer.body.code]).toEqual([400, 'VALIDATION_ERROR']);
  });

  test('a field of JSON that is nested beyond all use', async () => {
    const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
    const head = 'Content-Disposition: form-data; name="title"\r\nContent-Type: application/json';
    const answer = await send(form(part(head, deep), file('x')));
    expect([answer.status, answer.body.code]).toEqual([400, 'VALIDATION_ERROR']);
    expect(answer.body.details).toMatchObject([{ field: 'title' }]);
  });

  test('no form at all', async () => {
    const answer = await send('{}', {}, { 'content-type': 'application/json' });
    expect([answer.status, answer.body.code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
  });
});

const block = Buffer.alloc(65_536, 'x');

/** A form whose file never ends, of which `sent` bytes have been taken. */
const endless = () => {
  const source = {
    sent: 0,
    body: new Readable({
      read() {
        source.sent += block.length;
        this.push(block);
      },
    }),
  };
  source.body.unshift(file('').slice(0, -2));
  return source;
};

const neverCalled: Sink = () => Promise.reject(new Error('never called'));

describe('a file over the limit', () => {
  test.each([
    ['by one byte', () => form(file('x'.repeat(limit + 1)))],
    ['by one byte, undeclared', () => Readable.from([form(file('x'.repeat(limit + 1)))])],
    ['without an end', () => endless().body],
  ])('%s is refused', async (_how, body) => {
    const answer = await send(body());
    expect([answer.status, answer.body.code]).toEqual([413, 'FILE_TOO_LARGE']);
  });

  test('fails its reader at once, before the rest has come', async () => {
    const failed = Promise.withResolvers<unknown>();
    const sink: Sink = async ({ content }) => {
      await buffer(content).catch(failed.resolve);
      throw await failed.promise;
    };
    await using server = await serve({ sink });
    const body = new PassThrough();
    const answer = post(server.port, body);
    body.write(form(file('x'.repeat(limit + 1))).slice(0, -10));
    expect(await failed.promise).toMatchObject({ code: 'FILE_TOO_LARGE' });
    expect((await answer).status).toBe(413);
  });

  test('is refused even when its reader wanted none of it', async () => {
    const answer = await send(form(file('x'.repeat(limit + 1))), { sink: async () => 'ignored' });
    expect(answer.body.code).toBe('FILE_TOO_LARGE');
  });

  test('is refused unread when it was declared', async () => {
    await using server = await serve({ sink: neverCalled });
    const socket = await startUpload(server.port, 100 * 1024 ** 3);
    const [answer] = await once(socket, 'data');
    socket.destroy();
    expect(String(answer)).toMatch(/^HTTP\/1.1 413 [^]*FILE_TOO_LARGE/);
  });

  test.each([
    ['preamble', ''],
    ['a field', field('f', '').slice(0, -2)],
    ['an unused part', part('X: y', '').slice(0, -2)],
  ])('so is a body that grows without end in %s', async (_where, start) => {
    const { body } = endless();
    body.read();
    body.unshift(start);
    const answer = await send(body, { max_file_bytes: 1000 });
    expect(answer.body.code).toBe('FILE_TOO_LARGE');
  });
});

const headOf = (path: string, length: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: test\r\nContent-Type: ${formType}\r\n${length}\r\n\r\n`;

/** The beginning of an upload that claims so many bytes: half of its first ones are sent. */
const startUpload = async (port: number, declared: number): Promise<Socket> => {
  const socket = connect({ port, host: '127.0.0.1' });
  const start = file('x'.repeat(1000)).slice(0, -500);
  socket.write(headOf('/', `Content-Length: ${declared}`) + start);
  await once(socket, 'connect');
  return socket;
};

const unhurried: Sink = async ({ content }) => {
  await once(content, 'readable');
  await new Promise((resolve) => setTimeout(resolve, 200));
  return (await buffer(content)).length;
};

describe('a form that does not come whole', () => {
  test('fails its reader and hangs nothing when the client leaves', async () => {
    const failed = Promise.withResolvers<unknown>();
    const started = Promise.withResolvers<void>();
    const sink: Sink = async ({ content }) => {
      content.once('data', () => started.resolve());
      await buffer(content).catch(failed.resolve);
      throw await failed.promise;
    };
    await using server = await serve({ sink });
    const socket = await startUpload(server.port, 10_000);
    await started.promise;
    socket.destroy();
    expect(await failed.promise).toMatchObject({ code: 'VALIDATION_ERROR' });
    await expect.poll(() => server.seen.outcome).toBe(await failed.promise);
  });

  test('fails a reader that comes after the client left', async () => {
    const left = Promise.withResolvers<void>();
    const sink: Sink = async (received) => {
      await left.promise;
      return takeAll(received);
    };
    await using server = await serve({ sink });
    server.app.server.on('request', (request) => request.once('close', () => left.resolve()));
    const socket = await startUpload(server.port, 10_000);
    await expect.poll(() => server.seen.form).toBeDefined();
    socket.resetAndDestroy();
    await expect.poll(() => server.seen.outcome).toMatchObject({ code: 'VALIDATION_ERROR' });
  });

  test('is refused when it stalls, in the file or behind it', async () => {
    for (const body of [file('x').slice(0, -2), file('x') + field('title', 'One').slice(0, -4)]) {
      await using server = await serve({ idle_ms: 50 });
      const stalled = new PassThrough();
      stalled.write(body);
      const answer = await post(server.port, stalled);
      expect([answer.status, answer.body.code]).toEqual([400, 'VALIDATION_ERROR']);
      expect(answer.headers.connection).toBe('close');
    }
  });

  test('is not blamed for a reader that takes its time', async () => {
    const body = form(file('x'.repeat(5_000_000)));
    const answer = await send(body, { sink: unhurried, idle_ms: 40, max_file_bytes: 5_000_000 });
    expect(answer.body).toMatchObject({ stored: 5_000_000 });
  });
});

describe('a reader of the file', () => {
  test('that fails has its own error answered', async () => {
    const failure = sharedErrors.unauthenticated();
    await using server = await serve({ sink: () => Promise.reject(failure) });
    const answer = await post(server.port, form(file('x'), field('title', 'One')));
    expect(answer.status).toBe(401);
    expect(server.seen.outcome).toBe(failure);
  });

  test.each<[string, Sink]>([
    ['takes nothing', async () => 'done'],
    [
      'takes the beginning',
      async ({ content }) => {
        await once(content, 'data');
        content.pause();
        return 'done';
      },
    ],
    [
      'closes the stream',
      async ({ content }) => {
        content.destroy();
        return 'done';
      },
    ],
  ])('that %s still gets the fields behind', async (_what, sink) => {
    const body = form(file('x'.repeat(900_000)), field('title', 'One'));
    const answer = await send(body, { sink, max_file_bytes: 1_000_000 });
    expect(answer.body).toEqual({ stored: 'done', fields: { title: ['One'] } });
  });

  test('that stops reading holds the client back', async () => {
    const stopped = Promise.withResolvers<void>();
    const sink: Sink = async ({ content }) => {
      await once(content, 'readable');
      await stopped.promise;
      throw sharedErrors.validation();
    };
    await using server = await serve({ sink, max_file_bytes: 1024 ** 3 });
    const { body, ...source } = endless();
    const asked = post(server.port, body);
    let [before, same] = [-1, 0];
    await expect
      .poll(
        () => {
          same = source.sent === before ? same + 1 : 0;
          before = source.sent;
          return same;
        },
        { interval: 10, timeout: 5000 },
      )
      .toBeGreaterThan(10);
    expect(source.sent).toBeLessThan(32 * 1024 * 1024);
    stopped.resolve();
    expect((await asked).status).toBe(400);
  });
});

/** Sends, and reads at the same time, until the connection ends. */
const flood = async (socket: Socket, start: string) => {
  const received = buffer(socket);
  let sent = 0;
  function* blocks() {
    yield start;
    for (;;) {
      sent += block.length;
      yield block;
    }
  }
  await pipeline(Readable.from(blocks()), socket).catch(() => {});
  return { sent, answer: (await received.catch(() => '')).toString() };
};

describe.concurrent('a refusal reaches a client that is still sending', () => {
  test.each([
    ['before the body is read', '/closed', 401],
    ['before the body is read, as a Response', '/response', 403],
    ['within the body', '/', 413],
  ])('%s, and little of the rest is read', async (_when, path, status) => {
    await using server = await serve();
    const socket = connect({ port: server.port, host: '127.0.0.1' });
    const chunk = `${(10 ** 9).toString(16)}\r\n${file('').slice(0, -2)}`;
    const { sent, answer } = await flood(
      socket,
      headOf(path, 'Transfer-Encoding: chunked') + chunk,
    );
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer.toLowerCase()).toContain('connection: close');
    expect(answer).toContain('"code"');
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  test('and ends at once when the client does', async () => {
    await using server = await serve();
    const whole = form(file('x', 'cover'));
    const body = new PassThrough();
    body.write(whole.slice(0, -10));
    const answer = post(server.port, body);
    await expect.poll(() => server.seen.outcome).toBeDefined();
    body.end(whole.slice(-10));
    expect((await answer).body.code).toBe('VALIDATION_ERROR');
  });
});

const filesIn = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
};

test('uploads cut anywhere leave nothing on the disk', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'multipart-'));
  const store = createLocalBlobStore({ folder });
  const staged: StagedBlob[] = [];
  const sink: Sink = async ({ content }) => staged.push(await store.stage(content));
  await using server = await serve({ sink, max_file_bytes: 1_000_000 });
  const body = form(file('x'.repeat(500_000)), field('title', 'One'));
  const cuts = [0, 1, 150, 1000, 250_000, 499_999, body.length - 60, body.length - 1];
  for (const cut of cuts) {
    server.seen.outcome = undefined;
    const socket = connect({ port: server.port, host: '127.0.0.1' });
    socket.end(headOf('/', `Content-Length: ${body.length}`) + body.slice(0, cut));
    await expect.poll(() => server.seen.outcome).toMatchObject({ code: 'VALIDATION_ERROR' });
    socket.destroy();
  }
  await Promise.all(staged.map((blob) => blob.discard()));
  expect(await filesIn(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});
