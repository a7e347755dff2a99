import type { FastifyInstance } from 'fastify';

/** Longer than this nobody keeps keys that are no longer used. */
const KEPT_SECONDS = 300;

/** The keys that access tokens can be verified with (RFC 7517), for anyone: outside limits and sign-in. */
export const registerKeys = (app: FastifyInstance, keys: { keys: readonly object[] }): void => {
  const body = JSON.stringify(keys);
  app.get('/.well-known/jwks.json', { config: { open: true } }, async (_req, reply) =>
    reply
      .header('cache-control', `public, max-age=${KEPT_SECONDS}`)
      .type('application/jwk-set+json')
      .send(body),
  );
};
