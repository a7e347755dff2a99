import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuthService } from '#proto/veza/auth/v1/auth_pb.ts';
import { StreamService } from '#proto/veza/stream/v1/stream_pb.ts';
import { createUser, type TestUser } from '#test/factories.ts';
import { callGrpc, callRaw, grpcApp, pathOf, refusalIn, SERVICE_TOKEN } from '#test/grpc.ts';

const app = await grpcApp();
const { validateToken, getUserInfo, checkPermissions } = AuthService.method;
const { authorizeStream, reportPlayback, subscribeToStreamEvents } = StreamService.method;
let user: TestUser;
let session: ClientHttp2Session;

const dial = () => {
  const opened = connect(`https://${app.address}`, app.ca ? { ca: app.ca } : {});
  opened.on('error', () => undefined);
  return opened;
};

beforeAll(async () => {
  user = await createUser(app);
  session = dial();
});
afterAll(() => session.destroy());

/** The process lives, and answers others. */
const stillServes = async () => {
  const { code } = await callGrpc(app, validateToken, {}, { token: user.token });
  expect(code).toBe('OK');
};

const framed = (bytes: Buffer, compressed = 0): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed, 0);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};

type Told = { http: number | undefined; grpc: string | undefined; closed: boolean };

/** Whatever the headers and bytes are; answers what came back, if anything did. */
const send = (
  headers: OutgoingHttpHeaders,
  body: Buffer,
  over: ClientHttp2Session = session,
): Promise<Told> =>
  new Promise((resolve) => {
    const told: Told = { http: undefined, grpc: undefined, closed: false };
    try {
      const stream = over.request({
        ':method': 'POST',
        ':path': pathOf(validateToken),
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      });
      const note = (fields: Record<string, unknown>) => {
        if (fields[':status'] !== undefined) told.http = Number(fields[':status']);
        if (fields['grpc-status'] !== undefined) told.grpc = JSON.stringify(fields['grpc-status']);
      };
      stream.on('response', note).on('trailers', note);
      stream.on('error', () => undefined);
      stream.on('close', () => resolve({ ...told, closed: true }));
      stream.resume();
      stream.end(body);
    } catch {
      resolve(told);
    }
  });

const INTERNAL = JSON.stringify('13');

describe('what is no message', () => {
  const hostile: [string, Buffer][] = [
    ['a field cut off', Buffer.from([0x12, 0x7f, 0x41])],
    ['a varint without end', Buffer.alloc(32, 0xff)],
    ['a wire type that does not exist', Buffer.from([0x0f, 0x01])],
    ['field number zero', Buffer.from([0x00, 0x01])],
    ['text that is no UTF-8', Buffer.from([0x12, 0x02, 0xc3, 0x28])],
    ['groups nested a million deep', Buffer.alloc(1_000_000, 0x0b)],
    ['groups that end what never began', Buffer.alloc(100, 0x0c)],
    ['a length past every end', Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0x0f])],
  ];

  it.each(hostile)('%s is refused as invalid', async (_, bytes) => {
    const { fault } = await callRaw(app, pathOf(checkPermissions), { token: user.token, bytes });
    expect(fault && refusalIn(fault)).toMatchObject({
      code: 'INVALID_ARGUMENT',
      reason: 'VALIDATION_ERROR',
    });
    await stillServes();
  });

  it('is refused for its size above 1 MiB, before it is read', async () => {
    const bytes = Buffer.alloc(1024 * 1024 + 1);
    const { fault } = await callRaw(app, pathOf(checkPermissions), { token: user.token, bytes });
    expect(fault && refusalIn(fault)).toMatchObject({
      code: 'INVALID_ARGUMENT',
      reason: 'PAYLOAD_TOO_LARGE',
    });
    await stillServes();
  });

  it('never ends the process and is never a fault of ours, whatever the bytes', async () => {
    const methods = [checkPermissions, getUserInfo, authorizeStream, reportPlayback];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...methods),
        fc.uint8Array({ maxLength: 300 }),
        async (method, noise) => {
          const call = { token: user.token, service: true, bytes: Buffer.from(noise) };
          const { fault } = await callRaw(app, pathOf(method), call);
          if (fault) expect(refusalIn(fault).code).not.toBe('INTERNAL');
          if (fault) expect(refusalIn(fault).reason).toBeDefined();
        },
      ),
      { numRuns: 300 },
    );
    await stillServes();
  });
});

describe('frames', () => {
  const good = () => ({ authorization: `Bearer ${user.token}` });
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));

  it.each<[string, OutgoingHttpHeaders, Buffer]>([
    ['said to be gzip that are not', { 'grpc-encoding': 'gzip' }, framed(Buffer.from('no'), 1)],
    ['cut-off gzip', { 'grpc-encoding': 'gzip' }, framed(bomb.subarray(0, 100), 1)],
    ['that unpack to 64 MiB', { 'grpc-encoding': 'gzip' }, framed(bomb, 1)],
    ['in an encoding nobody knows', { 'grpc-encoding': 'lzma' }, framed(Buffer.from('x'), 1)],
    ['compressed without an encoding', {}, framed(Buffer.from('x'), 1)],
    ['with a flag that does not exist', {}, framed(Buffer.from(''), 7)],
    ['without a message', {}, Buffer.alloc(0)],
    ['with half a head', {}, Buffer.from([0, 0])],
    [
      'of which there are two',
      {},
      Buffer.concat([framed(Buffer.alloc(0)), framed(Buffer.alloc(0))]),
    ],
    ['that promise 4 GiB', {}, Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1])],
  ])('%s are answered or dropped, never as a fault of ours', async (_, headers, body) => {
    const told = await Promise.race([
      send({ ...good(), ...headers }, body),
      new Promise<Told>((resolve) =>
        setTimeout(() => resolve({ http: 0, grpc: 'waits', closed: false }), 12_500),
      ),
    ]);
    expect(told.grpc).not.toBe(INTERNAL);
    expect(told.grpc).not.toBe('waits');
    await stillServes();
  });
});

describe('headers', () => {
  const body = framed(Buffer.alloc(0));

  it.each<[string, OutgoingHttpHeaders]>([
    ['a deadline that is none', { 'grpc-timeout': 'soon' }],
    ['a deadline of ages', { 'grpc-timeout': '99999999H' }],
    ['a deadline below zero', { 'grpc-timeout': '-5S' }],
    ['no deadline at all to speak of', { 'grpc-timeout': '0n' }],
    ['a path with a byte above ASCII', { ':path': '/veza.auth.v1.AuthService/Válid' }],
    ['a path with escapes', { ':path': '/%00/%0d%0a' }],
    ['no path to speak of', { ':path': '/' }],
    ['a method that is not POST', { ':method': 'GET' }],
    ['no content type', { 'content-type': 'text/plain' }],
    ['two tokens', { authorization: ['Bearer a', 'Bearer b'] as never }],
    ['a token of 60 000 characters', { authorization: `Bearer ${'a'.repeat(60_000)}` }],
    ['binary metadata that is none', { 'x-anything-bin': '%%%%' }],
    ['a request id that breaks lines', { 'x-request-id': 'a b\tc' }],
    ['a request id of 5 000 characters', { 'x-request-id': 'a'.repeat(5000) }],
    ['metadata that reaches for prototypes', { __proto__x: '1', constructor: 'x' }],
    ['120 fields', Object.fromEntries(Array.from({ length: 110 }, (_, n) => [`x-${n}`, 'y']))],
  ])('%s end no process and are no fault of ours', async (_, headers) => {
    const own = dial();
    const told = await send(headers, body, own);
    own.destroy();
    expect(told.grpc).not.toBe(INTERNAL);
    await stillServes();
  });

  it('with more than 64 KiB are refused', async () => {
    const own = dial();
    const told = await send({ 'x-large': 'a'.repeat(200_000) }, body, own);
    own.destroy();
    expect(told.grpc).toBeUndefined();
    await stillServes();
  });

  it('come back with the request id that was sent, or one of ours', async () => {
    const call = { token: user.token, metadata: { 'x-request-id': 'mine-1' } };
    const mine = await callGrpc(app, validateToken, {}, call);
    expect(mine.trailers.get('x-request-id')).toEqual(['mine-1']);
    const refused = await callGrpc(
      app,
      validateToken,
      {},
      { metadata: { 'x-request-id': 'no way' } },
    );
    expect(refused.trailers.get('x-request-id')).toEqual([expect.stringMatching(/^req_/)]);
  });
});

describe('tokens', () => {
  const head = (header: object) => Buffer.from(JSON.stringify(header)).toString('base64url');
  const foreign = generateKeyPairSync('ed25519').privateKey;
  const payloadOf = ({ token }: TestUser) => token.split('.')[1] ?? '';
  const hmac = (text: string, key: string) =>
    createHmac('sha256', key).update(text).digest('base64url');

  it.each<[string, (user: TestUser) => string]>([
    ['of nobody', () => 'nonsense'],
    ['cut off', ({ token }) => token.slice(0, -2)],
    [
      'signed with another secret',
      (who) => {
        const text = `${head({ alg: 'HS256', typ: 'at+jwt' })}.${payloadOf(who)}`;
        return `${text}.${hmac(text, 'x'.repeat(40))}`;
      },
    ],
    ['without an algorithm', (who) => `${head({ alg: 'none', typ: 'at+jwt' })}.${payloadOf(who)}.`],
    [
      'of a foreign algorithm',
      (who) => {
        const text = `${head({ alg: 'EdDSA', typ: 'at+jwt' })}.${payloadOf(who)}`;
        return `${text}.${sign(null, Buffer.from(text), foreign).toString('base64url')}`;
      },
    ],
    ['of 5 000 characters', () => 'a'.repeat(5000)],
  ])('%s are refused', async (_, make) => {
    const { code, reason } = await callGrpc(app, validateToken, {}, { token: make(user) });
    expect([code, reason]).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED']);
  });

  it('of a service must be right, even beside the token of a user', async () => {
    const wrong = { token: user.token, service: `${SERVICE_TOKEN}x` };
    const { code, reason } = await callGrpc(app, validateToken, {}, wrong);
    expect([code, reason]).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED']);
  });
});

it('what is not there is UNIMPLEMENTED', async () => {
  const bytes = Buffer.alloc(0);
  const { fault } = await callRaw(app, '/veza.auth.v1.AuthService/Fly', { bytes });
  expect(fault?.code).toBe(12);
  const { fault: chat } = await callRaw(app, '/veza.chat.v1.ChatService/CreateRoom', { bytes });
  expect(chat?.code).toBe(12);
});

it('a subscription that asks for nonsense is refused as invalid', async () => {
  const { fault } = await callRaw(app, pathOf(subscribeToStreamEvents), {
    service: true,
    bytes: Buffer.from([0x10, 0x7f]),
  });
  expect(fault && refusalIn(fault).fields).toEqual(['event_types.0']);
});
