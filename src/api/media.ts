import { once } from 'node:events';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sharedErrors } from '#kernel/errors.ts';
import type { ByteRange, Media } from '#kernel/media.ts';
import { evaluateConditions, rangeApplies, type Validators } from './conditions.ts';
import { attachmentNamed } from './content-disposition.ts';
import { parseRange } from './range.ts';

const LONGEST_FIRST_BYTE_MS = 10_000;

/**
 * Answers bytes, whole or the one range that was asked for (RFC 9110 §13 and §14). Nothing is committed before
 * the first byte is at hand: until then a failure is thrown and becomes an ordinary error answer.
 */
export const sendMedia = async (
  req: FastifyRequest,
  reply: FastifyReply,
  { source }: Media,
): Promise<FastifyReply> => {
  const { etag, size_bytes } = source;
  const validators = { etag, last_modified: new Date(source.last_modified) };
  const outcome = evaluateConditions(req, validators);
  if (outcome === 'failed') throw sharedErrors.preconditionFailed();
  if (outcome === 'not_modified') return describe(reply, validators).code(304).send();

  const asked = requestedRange(req, validators, size_bytes);
  if (asked === 'unsatisfiable') {
    const contentRange = `bytes */${size_bytes}`;
    return describe(reply, validators).code(416).header('content-range', contentRange).send();
  }
  const range = asked ?? { start: 0, end: size_bytes - 1 };
  const content = req.method === 'HEAD' ? nothing() : await openReadable(source, range);

  describe(reply, validators).header('content-type', source.content_type);
  if (source.filename !== undefined) {
    reply.header('content-disposition', attachmentNamed(source.filename));
  }
  if (asked) {
    reply.code(206).header('content-range', `bytes ${asked.start}-${asked.end}/${size_bytes}`);
  }
  return sendExactly(reply, content, range.end - range.start + 1);
};

/** Whoever keeps the bytes asks again before using them: the right to them may have ended. */
const describe = (reply: FastifyReply, { etag, last_modified }: Required<Validators>) =>
  reply.headers({
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
    etag: `"${etag}"`,
    'last-modified': last_modified?.toUTCString(),
  });

/** Only GET has ranges, and only while `If-Range` holds. */
const requestedRange = (
  { method, headers }: FastifyRequest,
  validators: Validators,
  size: number,
): ReturnType<typeof parseRange> =>
  method === 'GET' && rangeApplies(headers, validators)
    ? parseRange(headers.range, size)
    : undefined;

/** Fastify's routes for HEAD want a stream where the length is not that of the payload. */
const nothing = (): Readable => Readable.from([]);

const openReadable = async (
  { open, size_bytes }: Media['source'],
  range: ByteRange,
): Promise<Readable> => {
  const content = await (size_bytes === 0 ? open() : open(range));
  try {
    await once(content, 'readable', { signal: AbortSignal.timeout(LONGEST_FIRST_BYTE_MS) });
    return content;
  } catch (error) {
    content.destroy();
    throw error;
  }
};

/** Bytes that end too early cut the connection: its next answer would be read as the rest of them. */
const sendExactly = (reply: FastifyReply, content: Readable, length: number): FastifyReply => {
  if (reply.request.method !== 'HEAD') {
    // From the moment it is piped, and not before: a listener would set the bytes flowing.
    reply.raw.once('pipe', () => {
      let missing = length;
      content.on('data', (chunk: Buffer) => {
        missing -= chunk.length;
      });
      content.prependListener('end', () => {
        if (missing !== 0) reply.raw.destroy();
      });
    });
  }
  return reply.header('content-length', length).send(content);
};
