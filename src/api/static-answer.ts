import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isUnchanged } from './etag.ts';

type Variant = { bytes: Buffer; tag: string };

/** Something that is the same for everyone, as long as this process lives. */
export type StaticAnswer = {
  type: string;
  headers: Readonly<Record<string, string>>;
  plain: Variant;
  zipped: Variant;
};

const compress = promisify(gzip);

const variant = (bytes: Buffer): Variant => ({
  bytes,
  tag: createHash('sha256').update(bytes).digest('base64url').slice(0, 22),
});

export const staticAnswer = async (
  type: string,
  text: string | Buffer,
  headers: StaticAnswer['headers'] = {},
): Promise<StaticAnswer> => {
  const bytes = Buffer.from(text);
  return { type, headers, plain: variant(bytes), zipped: variant(await compress(bytes)) };
};

const takesGzip = ({ headers }: FastifyRequest): boolean =>
  /\bgzip\b(?!\s*;\s*q=0(?:\.0+)?\s*(?:,|$))/i.test(headers['accept-encoding'] ?? '');

export const sendStatic = (
  req: FastifyRequest,
  reply: FastifyReply,
  { type, headers, plain, zipped }: StaticAnswer,
): FastifyReply => {
  const asGzip = takesGzip(req);
  const { bytes, tag } = asGzip ? zipped : plain;
  const vary = [reply.getHeader('vary'), 'Accept-Encoding'].filter(Boolean).join(', ');
  reply.headers({ ...headers, etag: `"${tag}"`, 'cache-control': 'no-cache', vary });
  if (isUnchanged(req.headers['if-none-match'], tag)) return reply.code(304).send();
  if (asGzip) reply.header('content-encoding', 'gzip');
  return reply.type(type).send(bytes);
};
