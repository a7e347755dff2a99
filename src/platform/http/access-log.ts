import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Logger } from '../logger.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The stable code of the refusal this request was answered with. */
    error_code: string | undefined;
  }
}

/** Paths may carry tokens in their query; it is never logged. */
const withoutQuery = (url: string): string => {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
};

/** In the log only: callers who left before anything was answered are told nothing. */
const LEFT_UNANSWERED = 499;

const outcomeOf = ({ raw, request, statusCode }: FastifyReply) => ({
  status: raw.headersSent ? statusCode : LEFT_UNANSWERED,
  error: request.error_code ?? (raw.writableEnded ? null : 'CONNECTION_CLOSED'),
});

/** One line a request, when it has ended or its caller has left. */
export const accessLog = fp<{ userIdOf: (req: FastifyRequest) => number | null }>(
  async (app, { userIdOf }) => {
    // The line below holds no secrets, and looking for some costs as much as writing it.
    const log = (app.log as Logger).child({}, { redact: [] });
    app.decorateRequest('error_code', undefined);
    const write = (reply: FastifyReply): void => {
      const { request: req } = reply;
      const { status, error } = outcomeOf(reply);
      const line = {
        client_ip: req.ip,
        method: req.method,
        path: withoutQuery(req.originalUrl),
        proto: `HTTP/${req.raw.httpVersion}`,
        status,
        latency_ms: Math.round(reply.elapsedTime * 1000) / 1000,
        user_agent: req.headers['user-agent'] ?? '',
        error,
        request_id: req.id,
        user_id: userIdOf(req),
      };
      if (status === 503) log.warn(line, 'request');
      else if (status >= 500) log.error(line, 'request');
      else log.info(line, 'request');
    };
    app.addHook('onRequest', (req, reply, done) => {
      reply.header('x-request-id', req.id);
      reply.raw.once('close', () => write(reply));
      done();
    });
  },
  { name: 'access-log', fastify: '5.x' },
);
