import fp from 'fastify-plugin';
import { sharedErrors } from '#kernel/errors.ts';

declare module 'fastify' {
  interface FastifyInstance {
    isOpen: () => boolean;
    openDoors: () => void;
  }
}

/** While the process is starting only probes are answered. */
export const gate = fp(
  async (app) => {
    let isOpen = false;
    app.decorate('isOpen', () => isOpen);
    app.decorate('openDoors', () => {
      isOpen = true;
    });
    app.addHook('onRequest', (req, _reply, done) => {
      if (isOpen || req.routeOptions.config.open) return done();
      done(
        sharedErrors.unavailable({ message: 'The service is starting', retry_after_seconds: 1 }),
      );
    });
  },
  { name: 'gate', fastify: '5.x' },
);
