import type { FastifyInstance } from 'fastify';

export type ComponentHealth = {
  status: 'healthy' | 'degraded' | 'unhealthy';
  message?: string;
  latency?: string;
};

type Check = () => ComponentHealth | Promise<ComponentHealth>;

type Settings = {
  service: string;
  version: string;
  /** Without these nothing works: unhealthy, they make the whole unhealthy; the others degrade it. */
  vital: Readonly<Record<string, Check>>;
  others: Readonly<Record<string, Check>>;
  /** Why requests should go elsewhere; undefined when they are welcome. */
  notReady: () => Promise<'database_unavailable' | 'starting' | 'shutting_down' | undefined>;
};

const CHECK_MS = 1000;

/** A check that does not answer in a second is unhealthy: probes are never kept waiting. */
const timed = async (check: Check): Promise<ComponentHealth> => {
  const began = performance.now();
  const late = Promise.withResolvers<ComponentHealth>();
  const timer = setTimeout(
    () => late.resolve({ status: 'unhealthy', message: 'no answer' }),
    CHECK_MS,
  );
  try {
    const health = await Promise.race([check(), late.promise]);
    return { latency: `${(performance.now() - began).toFixed(1)}ms`, ...health };
  } catch {
    return { status: 'unhealthy', message: 'unavailable' };
  } finally {
    clearTimeout(timer);
  }
};

const checkAll = async (checks: Readonly<Record<string, Check>>) =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(checks).map(async ([name, check]) => [name, await timed(check)] as const),
    ),
  );

const isAny = (
  checked: Record<string, ComponentHealth>,
  status: ComponentHealth['status'],
): boolean => Object.values(checked).some((health) => health.status === status);

const unixSeconds = (): number => Math.floor(Date.now() / 1000);

const healthOf = async ({ service, version, vital, others }: Settings) => {
  const [first, second] = await Promise.all([checkAll(vital), checkAll(others)]);
  const degraded = isAny(second, 'unhealthy') || isAny({ ...first, ...second }, 'degraded');
  const status = isAny(first, 'unhealthy') ? 'unhealthy' : degraded ? 'degraded' : 'healthy';
  return {
    status,
    service,
    version,
    timestamp: unixSeconds(),
    uptime: `${Math.floor(process.uptime())}s`,
    components: { ...first, ...second },
  };
};

/** Probes of load balancers and orchestrators, at the root and outside limits and sign-in. */
export const registerHealth = (app: FastifyInstance, settings: Settings): void => {
  const config = { open: true };
  app.get('/live', { config }, async () => ({ status: 'alive', timestamp: unixSeconds() }));
  app.get('/ready', { config }, async (_req, reply) => {
    const reason = await settings.notReady();
    if (reason) return reply.code(503).send({ status: 'not_ready', reason });
    return { status: 'ready', timestamp: unixSeconds() };
  });
  app.get('/health', { config }, async (_req, reply) => {
    const health = await healthOf(settings);
    return reply.code(health.status === 'unhealthy' ? 503 : 200).send(health);
  });
};
