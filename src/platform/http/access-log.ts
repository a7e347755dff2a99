import type { FastifyRequest } from 'fastify';
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

/** One line a request, when it has ended. */
export const accessLog = fp<{ userIdOf: (req: FastifyRequest) => number | null }>(
  async (app, { userIdOf }) => {
    // The line below holds no secrets, and looking for some costs as much as writing it.
    const log = (app.log as Logger).child({}, { redact: [] });
    app.decorateRequest('error_code', undefined);
    app.addHook('onRequest', (req, reply, done) => {
      reply.header('x-request-id', req.id);
      done();
    });
    app.addHook('onResponse', (req, reply, done) => {
      const status = reply.statusCode;
      const line = {
        client_ip: req.ip,
        method: req.method,
        path: withoutQuery(req.originalUrl),
        proto: `HTTP/${req.raw.httpVersion}`,
        status,
        latency_ms: Math.round(reply.elapsedTime * 1000) / 1000,
        user_agent: req.headers['user-agent'] ?? '',
        error: req.error_code ?? null,
        request_id: req.id,
        user_id: userIdOf(req),
      };
      if (status === 503) log.warn(line, 'request');
      else if (status >= 500) log.error(line, 'request');
      else log.info(line, 'request');
      done();
    });
  },
  { name: 'access-log', fastify: '5.x' },
);
