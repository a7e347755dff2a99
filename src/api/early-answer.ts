import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';

type Bounds = { max_bytes: number; timeout_ms: number };

/** What is read in vain of a body that nobody wants: enough for most forms, little for an attacker. */
export const lingering: Bounds = { max_bytes: 1024 * 1024, timeout_ms: 2000 };

/**
 * Lets an answer reach a client that is still sending. Closing a socket with unread bytes resets it, and the reset
 * can overtake the answer. So the answer goes out at once with `Connection: close`, but ends, and with it the
 * connection, only when the body has ended, the client has left, or the bounds are reached (RFC 9112 §9.6).
 */
export const earlyAnswer = fp(
  async (app) => {
    // oxlint-disable-next-line max-params -- the signature is Fastify's; a promise would cost every answer
    app.addHook('onSend', (req, reply, payload, done) => {
      if (!isArriving(req)) return done(null, payload);
      answerEarly(req, reply, payload).then((early) => done(null, early), done);
    });
  },
  { name: 'early-answer', fastify: '5.x' },
);

/** Reads and forgets the rest of a body until it has ended, or `max_bytes` have come and `timeout_ms` have gone. */
export const drainBody = (body: IncomingMessage, { max_bytes, timeout_ms }: Bounds) =>
  new Promise<void>((resolve) => {
    if (body.readableEnded || body.destroyed) return resolve();
    let bytes = 0;
    const timer = setTimeout(resolve, timeout_ms);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    body.unpipe();
    body.once('end', end).once('close', end);
    body.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > max_bytes) body.pause();
    });
    body.resume();
  });

const isArriving = ({ raw, headers }: FastifyRequest): boolean =>
  !raw.complete &&
  !raw.readableEnded &&
  (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0);

const answerEarly = async (
  { raw, method }: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> => {
  reply.header('connection', 'close');
  const drained = drainBody(raw, lingering);
  const answer = await bytesOf(reply, payload);
  if (answer === undefined || method === 'HEAD') return payload;
  reply.header('content-length', answer.length);
  return Readable.from(held(answer, drained), { objectMode: false });
};

async function* held(answer: Buffer, drained: Promise<void>) {
  yield answer;
  await drained;
}

/** Undefined for a stream, which is sent as it is. */
const bytesOf = async (reply: FastifyReply, payload: unknown): Promise<Buffer | undefined> => {
  if (typeof payload === 'string') return Buffer.from(payload);
  if (Buffer.isBuffer(payload)) return payload;
  if (!(payload instanceof Response)) return undefined;
  reply.code(payload.status);
  for (const [name, value] of payload.headers) reply.header(name, value);
  return Buffer.from(await payload.arrayBuffer());
};
