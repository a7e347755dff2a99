import { setTimeout as wait } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether the process is about to stop and requests should go elsewhere. */
    isDraining: () => boolean;
    /** Lets requests in flight end, at most so long, and closes every connection. */
    drain: (timeout_ms: number) => Promise<void>;
  }
}

/** For so long after the announcement new connections are still served: load balancers need time to look away. */
const FAREWELL_MS = 1000;
const SWEEP_MS = 50;

const closed = (app: FastifyInstance): Promise<void> =>
  new Promise((resolve) => void app.server.close(() => resolve()));

/**
 * Fastify's own `close` waits for keep-alive connections or cuts requests in flight. Here every answer says
 * `Connection: close` once draining has begun, and connections are closed when they are idle.
 */
export const drain = fp(
  async (app) => {
    let draining = false;
    app.decorate('isDraining', () => draining);
    app.addHook('onRequest', (_req, reply, done) => {
      if (draining) reply.header('connection', 'close');
      done();
    });
    app.addHook('onSend', (_req, reply, payload, done) => {
      if (draining) reply.header('connection', 'close');
      done(null, payload);
    });
    app.decorate('drain', async (timeout_ms) => {
      draining = true;
      if (!app.server.listening) return;
      await wait(FAREWELL_MS);
      const sweeping = setInterval(() => app.server.closeIdleConnections(), SWEEP_MS);
      const deadline = setTimeout(() => app.server.closeAllConnections(), timeout_ms);
      await closed(app);
      clearInterval(sweeping);
      clearTimeout(deadline);
    });
  },
  { name: 'drain', fastify: '5.x' },
);
