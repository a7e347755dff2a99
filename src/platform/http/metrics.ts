import * as promClient from '@prometheus-io/client';
import fastifyMetrics from 'fastify-metrics';
import fp from 'fastify-plugin';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5];

/** The architecture document's view of the runtime, for `Accept: application/json`. */
const systemMetrics = () => {
  const { heapUsed, rss } = process.memoryUsage();
  return {
    goroutines: process.getActiveResourcesInfo().length,
    memory_alloc: heapUsed,
    memory_sys: rss,
    timestamp: Math.floor(Date.now() / 1000),
  };
};

/** Times requests by route, and answers `/metrics` for Prometheus. */
export const metrics = fp<{ registry: promClient.Registry }>(
  async (app, { registry }) => {
    await app.register(fastifyMetrics.default, {
      promClient,
      endpoint: null,
      defaultMetrics: { enabled: false },
      routeMetrics: {
        enabled: { histogram: true, summary: false },
        registeredRoutesOnly: false,
        overrides: {
          histogram: { buckets: SECONDS, registers: [registry] },
          summary: { registers: [registry] },
        },
      },
    });
    app.get('/metrics', { config: { open: true } }, async (req, reply) => {
      if (req.headers.accept?.includes('application/json')) return systemMetrics();
      return reply.type(registry.contentType).send(await registry.metrics());
    });
  },
  { name: 'metrics', fastify: '5.x' },
);
