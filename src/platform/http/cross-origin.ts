import cors, { type FastifyCorsOptions } from '@fastify/cors';
import fp from 'fastify-plugin';

const exposed = [
  'X-Request-Id',
  'ETag',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'Retry-After',
  'Idempotent-Replayed',
  'Content-Range',
  'Location',
  'Upload-Offset',
  'Upload-Length',
  'Upload-Expires',
  'Tus-Resumable',
  'Tus-Version',
  'Tus-Extension',
  'Tus-Max-Size',
];

const localhost = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/;

type Settings = { production: boolean; origins: readonly string[] };

/** Which pages may call us; other programs send no Origin and need no answer to it: the configured ones, and outside production those of this machine. */
export const crossOrigin = fp<Settings>(
  async (app, { production, origins }) => {
    const browsers: FastifyCorsOptions = {
      origin: [...origins, ...(production ? [] : [localhost])],
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      exposedHeaders: exposed.join(', '),
      maxAge: 600,
      strictPreflight: false,
    };
    await app.register(cors, {
      delegator: ({ headers }, decide) =>
        decide(null, headers.origin === undefined ? { origin: false } : browsers),
    });
    app.addHook('onRequest', (_req, reply, done) => {
      reply.header('vary', 'Origin');
      done();
    });
  },
  { name: 'cross-origin', fastify: '5.x' },
);
