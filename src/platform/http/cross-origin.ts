import cors from '@fastify/cors';
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

/** Which pages may call us: the configured ones, and outside production those of this machine. */
export const crossOrigin = fp<Settings>(
  async (app, { production, origins }) => {
    await app.register(cors, {
      origin: [...origins, ...(production ? [] : [localhost])],
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      exposedHeaders: exposed.join(', '),
      maxAge: 600,
      strictPreflight: false,
    });
  },
  { name: 'cross-origin', fastify: '5.x' },
);
