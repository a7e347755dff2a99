import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type DomainError, sharedErrors } from '#kernel/errors.ts';

/** No input is nested deeper; what walks a value by recursion must not be led to overflow. */
const DEEPEST = 64;
/** Nor does any have so many members: each one that is unknown is told of, which costs far more than to send it. */
const MOST_MEMBERS = 2000;

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const isOpening = (byte: number): boolean => byte === 0x5b || byte === 0x7b;
const isClosing = (byte: number): boolean => byte === 0x5d || byte === 0x7d;

/** Stops at the first bound that is passed. */
const measure = (json: Buffer): { depth: number; members: number } => {
  let depth = 0;
  let members = 0;
  let quoted = false;
  for (let at = 0; at < json.length && depth <= DEEPEST && members <= MOST_MEMBERS; at += 1) {
    const byte = json[at] ?? 0;
    if (byte === QUOTE) quoted = !quoted;
    else if (quoted) at += byte === BACKSLASH ? 1 : 0;
    else if (byte === COLON) members += 1;
    else if (isOpening(byte)) depth += 1;
    else if (isClosing(byte)) depth -= 1;
  }
  return { depth, members };
};

/** Bytes that are no UTF-8 would be decoded to something else, and stored so. */
const refusalOf = (body: Buffer): DomainError | undefined => {
  if (!isUtf8(body)) return sharedErrors.validation({ message: 'The body is not UTF-8' });
  const { depth, members } = measure(body);
  if (depth > DEEPEST) return sharedErrors.validation({ message: 'The body is nested too deeply' });
  if (members > MOST_MEMBERS)
    return sharedErrors.validation({ message: 'The body has too many members' });
  return undefined;
};

type Done = (refused: Error | null, body?: unknown) => void;
type Parse = (req: FastifyRequest, text: string, done: Done) => void;

/** Lets a scope take JSON and nothing else. */
export const takeJson = (app: FastifyInstance, parse: Parse): void => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (req, body, done) => {
    const refused = refusalOf(body);
    if (refused) return done(refused);
    return parse(req, body.toString(), done);
  });
};
