import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionError, FastifyReply, FastifyRequest } from 'fastify';
import { errorEnvelope } from './envelope.ts';
import { describeError } from './errors.ts';
import { newRequestId } from './request-id.ts';

/** A path that no route has, for addresses that cannot be decoded. */
const NOWHERE = '/unreadable';

/** Sends an address that cannot be decoded through every stage, like any other that leads nowhere. */
export const answerUnreadable = (
  _fault: Error,
  { raw, server }: FastifyRequest,
  reply: FastifyReply,
): void => {
  const message: IncomingMessage & { originalUrl?: string | undefined } = raw;
  message.originalUrl = raw.url;
  message.url = NOWHERE;
  server.routing(message, reply.raw);
};

export const isUnreadable = ({ url }: FastifyRequest): boolean => url === NOWHERE;

const statuses: Record<string, number> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
};

/** What was sent is no HTTP, so that there is no request to answer: the refusal is written to the socket. */
export const answerMalformed = (fault: ConnectionError, socket: Socket): void => {
  if (fault.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status = statuses[fault.code] ?? 400;
  const request_id = newRequestId();
  const answer = describeError(Object.assign(new Error('malformed'), { statusCode: status }));
  const body = JSON.stringify(errorEnvelope(answer, request_id));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'X-Content-Type-Options: nosniff',
    `X-Request-Id: ${request_id}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
};
