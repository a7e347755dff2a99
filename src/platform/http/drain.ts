import type { ServerResponse } from 'node:http';
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
const QUIET_MS = 20;
const LAST_CALL_MS = 1000;

const closed = (app: FastifyInstance): Promise<void> =>
  new Promise((resolve) => void app.server.close(() => resolve()));

/** Its answer will say `Connection: close`. */
const isLast = (response: ServerResponse): void => {
  response.shouldKeepAlive = false;
};

/** Waits until nobody has connected for a moment: a connection that was not accepted yet would be reset. */
const untilQuiet = async ({ server }: FastifyInstance): Promise<void> => {
  const deadline = performance.now() + LAST_CALL_MS;
  let came = true;
  const note = () => {
    came = true;
  };
  server.on('connection', note);
  while (came && performance.now() < deadline) {
    came = false;
    await wait(QUIET_MS);
  }
  server.off('connection', note);
};

/**
 * Fastify's own `close` waits for keep-alive connections or cuts requests in flight. Here every answer says
 * `Connection: close` once draining has begun, and connections are closed when they are idle. At the last call
 * answers are held for a moment, so that those who wait for one do not connect again meanwhile.
 */
export const drain = fp(
  async (app) => {
    const inFlight = new Set<ServerResponse>();
    let draining = false;
    let held: (() => void)[] | undefined;
    app.addHook('onRequest', (_req, { raw }, done) => {
      if (draining) isLast(raw);
      inFlight.add(raw);
      raw.once('close', () => inFlight.delete(raw));
      if (held) held.push(done);
      else done();
    });
    app.decorate('isDraining', () => draining);
    app.decorate('drain', async (timeout_ms) => {
      draining = true;
      for (const response of inFlight) isLast(response);
      if (!app.server.listening) return;
      await wait(FAREWELL_MS);
      const waiting: (() => void)[] = [];
      held = waiting;
      await untilQuiet(app);
      const sweeping = setInterval(() => app.server.closeIdleConnections(), SWEEP_MS);
      const deadline = setTimeout(() => app.server.closeAllConnections(), timeout_ms);
      const closing = closed(app);
      held = undefined;
      for (const proceed of waiting) proceed();
      await closing;
      clearInterval(sweeping);
      clearTimeout(deadline);
    });
  },
  { name: 'drain', fastify: '5.x' },
);
