import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { ReadStream } from 'node:fs';
import { mkdtemp, open, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { fastify, type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { attachmentNamed } from '#api/content-disposition.ts';
import { sendMedia } from '#api/media.ts';
import { parseRange } from '#api/range.ts';
import { DomainError } from '#kernel/errors.ts';
import { Media, type ByteRange } from '#kernel/media.ts';

const bytes = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));
const last_modified = '2026-01-15T10:30:00.900Z';
const lastModified = 'Thu, 15 Jan 2026 10:30:00 GMT';
const earlier = 'Thu, 15 Jan 2026 10:29:59 GMT';
const later = 'Thu, 15 Jan 2026 10:30:01 GMT';
const tag = '"5ha"';

type Source = Media['source'];
type Opening = Source['open'];

const mediaOf = (content: Buffer, rest: Partial<Source> = {}): Media =>
  new Media({
    url: '/here',
    expires_at: last_modified,
    content_type: 'audio/mpeg',
    size_bytes: content.length,
    etag: '5ha',
    last_modified,
    open: async ({ start, end }: ByteRange = { start: 0, end: Infinity }) =>
      Readable.from([content.subarray(start, end + 1)], { objectMode: false }),
    ...rest,
  });

const serve = async (media: Media): Promise<FastifyInstance> => {
  const app = fastify({ forceCloseConnections: true });
  app.setErrorHandler((error, _request, reply) =>
    error instanceof DomainError
      ? reply.code(412).send({ code: error.code })
      : reply.code(500).send({ code: 'INTERNAL_ERROR' }),
  );
  app.get('/', (request, reply) => sendMedia(request, reply, media));
  app.post('/', (request, reply) => sendMedia(request, reply, media));
  await app.ready();
  return app;
};

const isReadable = { 'accept-ranges': 'bytes', etag: tag, 'last-modified': lastModified };
const whole = {
  status: 200,
  headers: { ...isReadable, 'content-length': '1000', 'content-type': 'audio/mpeg' },
};
const part = (start: number, end: number) => ({
  status: 206,
  headers: {
    ...isReadable,
    'content-length': String(end - start + 1),
    'content-range': `bytes ${start}-${end}/1000`,
    'content-type': 'audio/mpeg',
  },
  slice: [start, end + 1] as const,
});
const none = {
  status: 416,
  headers: { ...isReadable, 'content-range': 'bytes */1000', 'content-length': '0' },
  slice: [0, 0] as const,
};
const notModified = { status: 304, headers: isReadable, slice: [0, 0] as const };
const failed = { status: 412, headers: {} };

type Expected = {
  status: number;
  headers: Record<string, string>;
  slice?: readonly [number, number];
};
type Row = readonly [headers: Record<string, string>, expected: Expected];

const range = (value: string): Record<string, string> => ({ range: value });
const first10 = range('bytes=0-9');

const rows: readonly Row[] = [
  [{}, whole],
  [range('bytes=0-0'), part(0, 0)],
  [range('bytes=0-499'), part(0, 499)],
  [range('bytes=500-'), part(500, 999)],
  [range('bytes=0-'), part(0, 999)],
  [range('bytes=999-'), part(999, 999)],
  [range('bytes=999-2000'), part(999, 999)],
  [range('bytes=-1'), part(999, 999)],
  [range('bytes=-1000'), part(0, 999)],
  [range('bytes=-5000'), part(0, 999)],
  [range('BYTES=1-2'), part(1, 2)],
  [range('bytes= 1-2 ,'), part(1, 2)],
  [range('bytes=007-8'), part(7, 8)],
  [range(`bytes=3-${'9'.repeat(400)}`), part(3, 999)],
  [range(`bytes=-${'9'.repeat(400)}`), part(0, 999)],
  [range('bytes=1000-'), none],
  [range('bytes=1000-1000'), none],
  [range('bytes=-0'), none],
  [range('bytes=9007199254740993-'), none],
  [range(`bytes=${'9'.repeat(400)}-`), none],
  [range('bytes=5-2'), whole],
  [range('bytes=abc'), whole],
  [range('bytes=-'), whole],
  [range('bytes='), whole],
  [range('bytes'), whole],
  [range('bytes=1-2-3'), whole],
  [range('bytes=+1-2'), whole],
  [range('bytes=0x1-2'), whole],
  [range('bytes=1.5-2'), whole],
  [range('bytes=--1'), whole],
  [range('seconds=0-9'), whole],
  [range('bytes=0-9,20-29'), whole],
  [range('bytes=2000-,3000-'), whole],
  [range(`bytes=${'0-,'.repeat(4000)}`), whole],
  [{ ...first10, 'if-range': tag }, part(0, 9)],
  [{ ...first10, 'if-range': `W/${tag}` }, whole],
  [{ ...first10, 'if-range': '"old"' }, whole],
  [{ ...first10, 'if-range': lastModified }, part(0, 9)],
  [{ ...first10, 'if-range': earlier }, whole],
  [{ ...first10, 'if-range': later }, whole],
  [{ ...first10, 'if-range': 'garbage' }, whole],
  [{ ...range('bytes=1000-'), 'if-range': '"old"' }, whole],
  [{ 'if-range': '"old"' }, whole],
  [{ 'if-none-match': tag }, notModified],
  [{ 'if-none-match': `W/${tag}` }, notModified],
  [{ 'if-none-match': `"a,b", ${tag} , W/"c"` }, notModified],
  [{ 'if-none-match': '*' }, notModified],
  [{ 'if-none-match': '"old"' }, whole],
  [{ 'if-none-match': '5ha' }, whole],
  [{ 'if-none-match': tag, ...first10 }, notModified],
  [{ 'if-none-match': '"old"', 'if-modified-since': later }, whole],
  [{ 'if-modified-since': lastModified }, notModified],
  [{ 'if-modified-since': later }, notModified],
  [{ 'if-modified-since': earlier }, whole],
  [{ 'if-modified-since': 'Thursday, 15-Jan-26 10:30:00 GMT' }, notModified],
  [{ 'if-modified-since': 'Thu Jan 15 10:30:00 2026' }, notModified],
  [{ 'if-modified-since': '2030-01-01' }, whole],
  [{ 'if-match': tag }, whole],
  [{ 'if-match': '*' }, whole],
  [{ 'if-match': `"old", ${tag}`, ...first10 }, part(0, 9)],
  [{ 'if-match': '"old"' }, failed],
  [{ 'if-match': `W/${tag}` }, failed],
  [{ 'if-match': '"old"', 'if-none-match': tag }, failed],
  [{ 'if-match': tag, 'if-unmodified-since': earlier }, whole],
  [{ 'if-unmodified-since': lastModified }, whole],
  [{ 'if-unmodified-since': earlier }, failed],
  [{ 'if-unmodified-since': 'garbage' }, whole],
];

describe('one resource of 1000 bytes', () => {
  let app: FastifyInstance;
  beforeAll(async () => {
    app = await serve(mediaOf(bytes));
  });
  afterAll(() => app.close());

  test.each(rows)('GET %j', async (headers, { status, headers: expected, slice = [0, 1000] }) => {
    const answer = await app.inject({ url: '/', headers });
    expect(answer.statusCode).toBe(status);
    expect(answer.headers).toMatchObject(expected);
    if (status === 412) expect(answer.json()).toEqual({ code: 'PRECONDITION_FAILED' });
    else expect(answer.rawPayload.equals(bytes.subarray(...slice))).toBe(true);
    if (status !== 206 && status !== 416)
      expect(answer.headers).not.toHaveProperty('content-range');
    if (status === 412) expect(answer.headers).not.toHaveProperty('etag');
  });

  test('HEAD answers the headers of the whole, without bytes, and ignores ranges', async () => {
    for (const headers of [{}, first10, range('bytes=1000-'), { ...first10, 'if-range': tag }]) {
      const answer = await app.inject({ method: 'HEAD', url: '/', headers });
      expect(answer.statusCode).toBe(200);
      expect(answer.headers).toMatchObject(whole.headers);
      expect(answer.rawPayload).toHaveLength(0);
    }
  });

  test('HEAD is conditional too', async () => {
    const fresh = await app.inject({ method: 'HEAD', url: '/', headers: { 'if-none-match': tag } });
    expect(fresh.statusCode).toBe(304);
    const stale = await app.inject({ method: 'HEAD', url: '/', headers: { 'if-match': '"old"' } });
    expect(stale.statusCode).toBe(412);
  });

  test('other methods ignore ranges, and fail where GET would answer 304', async () => {
    const ranged = await app.inject({ method: 'POST', url: '/', headers: first10 });
    expect(ranged.statusCode).toBe(200);
    const known = await app.inject({ method: 'POST', url: '/', headers: { 'if-none-match': tag } });
    expect(known.statusCode).toBe(412);
  });

  test('ranges put together are the whole', async () => {
    const hash = createHash('sha256');
    for (let at = 0; at < 1000; at += 77) {
      const answer = await app.inject({ url: '/', headers: range(`bytes=${at}-${at + 76}`) });
      hash.update(answer.rawPayload);
    }
    expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
  });
});

describe('an empty resource', () => {
  test.each([
    [{}, 200],
    [range('bytes=0-'), 416],
    [range('bytes=-5'), 200],
    [range('bytes=-0'), 416],
  ])('GET %j is %i', async (headers, status) => {
    await using app = await serve(mediaOf(Buffer.alloc(0)));
    const answer = await app.inject({ url: '/', headers });
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['content-length']).toBe('0');
  });
});

test('the longest headers cost no more than reading them', () => {
  const started = performance.now();
  for (const header of [
    `bytes=${'0-0,'.repeat(250_000)}`,
    `bytes=${' '.repeat(1_000_000)}x`,
    `bytes=${'1'.repeat(1_000_000)}`,
  ]) {
    expect(parseRange(header, 1000)).toBeUndefined();
  }
  expect(performance.now() - started).toBeLessThan(500);
});

test.each([
  ['song.mp3', 'attachment; filename="song.mp3"'],
  [
    'a "b" \\ c%41.mp3',
    `attachment; filename="a _b_ _ c_41.mp3"; filename*=UTF-8''a%20%22b%22%20_%20c%2541.mp3`,
  ],
  [
    'été 🎵.mp3',
    `attachment; filename="_t_ __.mp3"; filename*=UTF-8''%C3%A9t%C3%A9%20%F0%9F%8E%B5.mp3`,
  ],
  ["it's (1)*.mp3", `attachment; filename="it's (1)*.mp3"`],
  ["é'(1)*.mp3", `attachment; filename="_'(1)*.mp3"; filename*=UTF-8''%C3%A9%27%281%29%2A.mp3`],
  ['x\r\nSet-Cookie: a=b\0.mp3', 'attachment; filename="x__Set-Cookie: a=b_.mp3"'],
  ['../../etc/passwd', 'attachment; filename=".._.._etc_passwd"'],
  ['\ud800.mp3', `attachment; filename="_.mp3"; filename*=UTF-8''%EF%BF%BD.mp3`],
])('an attachment named %j is sent as %s', async (filename, disposition) => {
  expect(attachmentNamed(filename)).toBe(disposition);
  await using app = await serve(mediaOf(bytes, { filename }));
  expect((await app.inject('/')).headers['content-disposition']).toBe(disposition);
});

function* brokenAfter(delivered: Buffer[]) {
  yield* delivered;
  throw new Error('EIO');
}

const failing =
  (delivered: Buffer[]): Opening =>
  async () =>
    Readable.from(brokenAfter(delivered), { objectMode: false });

describe('a source that fails', () => {
  test.each([
    ['to open', () => Promise.reject(new Error('ENOENT'))],
    ['at its first byte', failing([])],
  ])('%s is an ordinary error answer', async (_when, open) => {
    await using app = await serve(mediaOf(bytes, { open, filename: 'a.mp3' }));
    const answer = await app.inject({ url: '/', headers: first10 });
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toEqual({ code: 'INTERNAL_ERROR' });
    for (const name of ['etag', 'content-range', 'content-disposition', 'accept-ranges']) {
      expect(answer.headers).not.toHaveProperty(name);
    }
  });

  test.each([
    ['that breaks midway', failing([bytes.subarray(0, 400)])],
    ['that ends early', async () => Readable.from([bytes.subarray(0, 400)], { objectMode: false })],
  ])('%s cuts the connection', async (_when, open) => {
    await using app = await serve(mediaOf(bytes, { open }));
    const port = await portOf(app);
    const reading = async () => buffer(await get(port));
    await expect(reading()).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});

const portOf = async (app: FastifyInstance): Promise<number> => {
  await app.listen({ port: 0, host: '127.0.0.1' });
  return (app.server.address() as AddressInfo).port;
};

const get = async (port: number): Promise<IncomingMessage> => {
  const asking = httpRequest({ port, host: '127.0.0.1' }).end();
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  return answer;
};

const folder = await mkdtemp(join(tmpdir(), 'media-'));
afterAll(() => rm(folder, { recursive: true }));

const openFiles = async (path: string): Promise<number> => {
  const descriptors = await readdir('/proc/self/fd');
  const targets = await Promise.all(
    descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return targets.filter((target) => target === path).length;
};

const fileMedia = async (size: number) => {
  const path = join(folder, String(size));
  await writeFile(path, Buffer.alloc(size, 1));
  const streams: ReadStream[] = [];
  const openFile: Opening = async (asked) => {
    const stream = (await open(path)).createReadStream(asked);
    streams.push(stream);
    return stream;
  };
  return { path, streams, media: mediaOf(bytes, { size_bytes: size, open: openFile }) };
};

const asking = async (port: number, line = 'GET / HTTP/1.1'): Promise<Socket> => {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write(`${line}\r\nHost: test\r\n\r\n`);
  await once(socket, 'readable');
  return socket;
};

/** The value that `read` gives 20 times in a row. */
const settled = async (read: () => number): Promise<number> => {
  let last = read();
  let same = 0;
  await vi.waitUntil(
    () => {
      same = read() === last ? same + 1 : 0;
      last = read();
      return same === 20;
    },
    { timeout: 5000, interval: 10 },
  );
  return last;
};

describe('over a socket', () => {
  test('a connection is kept through whole, part, 304, 416 and HEAD', async () => {
    await using app = await serve(mediaOf(bytes));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const port = await portOf(app);
    const ports = new Set<number | undefined>();
    for (const [method, headers, length] of [
      ['GET', {}, 1000],
      ['GET', first10, 10],
      ['HEAD', {}, 0],
      ['GET', { 'if-none-match': tag }, 0],
      ['GET', range('bytes=1000-'), 0],
      ['GET', {}, 1000],
    ] as const) {
      const request = httpRequest({ port, host: '127.0.0.1', agent, method, headers }).end();
      const [answer] = (await once(request, 'response')) as [IncomingMessage];
      ports.add(answer.socket.localPort);
      expect(await buffer(answer)).toHaveLength(length);
    }
    agent.destroy();
    expect(ports.size).toBe(1);
  });

  test('a reader that stops reading holds the file back, and one that leaves closes it', async () => {
    const { media, path, streams } = await fileMedia(64 * 1024 * 1024);
    await using app = await serve(media);
    const socket = await asking(await portOf(app));
    const read = await settled(() => streams[0]?.bytesRead ?? 0);
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(32 * 1024 * 1024);
    expect(await openFiles(path)).toBe(1);
    socket.destroy();
    await expect.poll(() => openFiles(path)).toBe(0);
  });

  test('fifty readers that leave midway, and one before the first byte, leave no file open', async () => {
    const { media, path, streams } = await fileMedia(16 * 1024 * 1024);
    await using app = await serve(media);
    const port = await portOf(app);
    const sockets = await Promise.all(Array.from({ length: 50 }, () => asking(port)));
    for (const socket of sockets) socket.destroy();
    const hasty = connect({ port, host: '127.0.0.1' });
    hasty.end('GET / HTTP/1.1\r\nHost: test\r\n\r\n', () => hasty.resetAndDestroy());
    await expect.poll(() => openFiles(path)).toBe(0);
    expect(streams.every((stream) => stream.destroyed)).toBe(true);
  });

  test('a whole file is read to its end and closed', async () => {
    const { media, path } = await fileMedia(3_000_000);
    await using app = await serve(media);
    expect(await buffer(await get(await portOf(app)))).toHaveLength(3_000_000);
    await expect.poll(() => openFiles(path)).toBe(0);
  });

  test('HEAD and 304 open nothing', async () => {
    const { media, streams } = await fileMedia(1000);
    await using app = await serve(media);
    await app.inject({ method: 'HEAD', url: '/' });
    await app.inject({ url: '/', headers: { 'if-none-match': tag } });
    expect(streams).toHaveLength(0);
  });
});
