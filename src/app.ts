import type { FastifyInstance } from 'fastify';
import { registerHealth } from '#api/health.ts';
import { contextMaker, createHttp, type HttpSettings } from '#api/http.ts';
import { registerReference } from '#api/reference.ts';
import { registerRest } from '#api/rest.ts';
import { registerTrpcHttp } from '#api/trpc-http.ts';
import { type Config, limitsOf } from '#config.ts';
import { withDeadline } from '#kernel/deadline.ts';
import { createAuditModule } from '#modules/audit/audit.module.ts';
import { createAuthModule } from '#modules/auth/auth.module.ts';
import { createChatModule } from '#modules/chat/chat.module.ts';
import { createTracksModule } from '#modules/tracks/tracks.module.ts';
import { createUsersModule } from '#modules/users/users.module.ts';
import { createIdempotencyKeys, purgeIdempotencyKeys } from '#platform/idempotency-keys.ts';
import { createProcessHealth } from '#platform/process-health.ts';
import { createListenerFingerprint } from '#platform/listener-fingerprint.ts';
import { createMemoryRateLimiter } from '#platform/rate-limiter.ts';
import { sweepStaged } from '#platform/storage/sweep.job.ts';
import { createStreamSignatures } from '#platform/stream-signatures.ts';
import { createAccessTokens } from '#platform/tokens.ts';
import { createAppRouter } from './app-router.ts';
import type { Outside } from './outside.ts';

const createModules = (outside: Outside, config: Config) => {
  const { database, secrets, now } = outside;
  const { auditOn, refusals } = createAuditModule(outside);
  const users = createUsersModule({ database, auditOn });
  const access = createAccessTokens({
    secret: secrets.jwt,
    previous: secrets.jwt_previous,
    life_ms: config.jwt.JWT_EXPIRATION_TIME,
    now,
  });
  const auth = createAuthModule({
    ...outside,
    access,
    secrets: { secret: secrets.jwt, previous: secrets.jwt_previous },
    lifetimes: { session_ms: config.jwt.JWT_REFRESH_TTL, refresh_ms: config.jwt.JWT_REFRESH_TIME },
    rotates: config.jwt.JWT_REFRESH_ROTATION,
    accountsOn: users.accountsOn,
    auditOn,
    refusals,
    profileOf: (user_id) => users.service.me({ user_id }),
  });
  const { STREAM_URL_TTL: life_ms, STORAGE_QUOTA_BYTES, UPLOAD_MAX_BYTES } = config.storage;
  const tracks = createTracksModule({
    ...outside,
    auditOn,
    users: users.service,
    streamUrls: createStreamSignatures({ secret: secrets.stream, life_ms, now }),
    fingerprint: createListenerFingerprint(secrets.jwt),
    meter: outside.metrics.transfers,
    limits: { file_bytes: UPLOAD_MAX_BYTES },
    quota_bytes: STORAGE_QUOTA_BYTES,
    request_timeout_ms: config.server.REQUEST_TIMEOUT,
  });
  const chat = createChatModule({
    ...outside,
    auditOn,
    users: users.service,
    moderation: { review: async (content) => ({ action: 'allow', content }) },
    request_timeout_ms: config.server.REQUEST_TIMEOUT,
  });
  return { refusals, users, auth, tracks, chat };
};

type Modules = ReturnType<typeof createModules>;

const httpSettings = (
  outside: Outside,
  config: Config,
  { auth, refusals }: Modules,
): HttpSettings => ({
  log: outside.log,
  production: config.server.ENVIRONMENT === 'production',
  origins: config.server.CORS_ORIGINS,
  proxies: config.server.TRUSTED_PROXIES.block,
  identification: auth.identification,
  refused: refusals,
  counter: createMemoryRateLimiter(),
  limits: limitsOf(config),
  upload_max_bytes: config.storage.UPLOAD_MAX_BYTES,
  timeout_ms: config.server.REQUEST_TIMEOUT,
  public_url: config.server.PUBLIC_URL?.replace(/\/$/, ''),
  registry: outside.metrics.registry,
});

const pingWithin = async ({ pool }: Outside): Promise<boolean> =>
  withDeadline(1000, () => pool.query('select 1')).then(
    () => true,
    () => false,
  );

const healthSettings = (outside: Outside, config: Config, http: FastifyInstance) => ({
  service: `veza-backend-${config.server.ENVIRONMENT}`,
  version: outside.version,
  vital: {
    database: async () =>
      ({ status: (await pingWithin(outside)) ? 'healthy' : 'unhealthy' }) as const,
  },
  others: {
    notifications: () =>
      ({ status: outside.notifications.isAlive() ? 'healthy' : 'degraded' }) as const,
    storage: async () => {
      await outside.blobs.check();
      return { status: 'healthy' } as const;
    },
    ...createProcessHealth(),
  },
  notReady: async () => {
    if (http.isDraining()) return 'shutting_down' as const;
    if (!http.isOpen()) return 'starting' as const;
    return (await pingWithin(outside)) ? undefined : ('database_unavailable' as const);
  },
});

/** The whole application, wired but not listening. */
export const buildApp = async (outside: Outside, config: Config) => {
  const modules = createModules(outside, config);
  const appRouter = createAppRouter(modules);
  const settings = httpSettings(outside, config, modules);
  const http = await createHttp(settings);
  const contextOf = contextMaker(http, settings);
  const timeout_ms = config.server.REQUEST_TIMEOUT;
  const keys = createIdempotencyKeys(outside.database.db);

  registerHealth(http, healthSettings(outside, config, http));
  registerReference(http);
  await http.register(
    (scope) => registerRest(scope, { router: appRouter, keys, timeout_ms, contextOf }),
    { prefix: '/api/v1' },
  );
  await registerTrpcHttp(http, {
    router: appRouter,
    timeout_ms,
    refused: modules.refusals,
    contextOf,
  });
  modules.tracks.registerHttp(http);

  return {
    http,
    /** Until then every request but the probes' is refused: the tables may not be there. */
    open: () => http.openDoors(),
    router: appRouter,
    services: {
      auth: modules.auth.service,
      users: modules.users.service,
      tracks: modules.tracks.service,
      chat: modules.chat.service,
    },
    jobs: [
      ...modules.auth.jobs,
      ...modules.tracks.jobs,
      purgeIdempotencyKeys(outside.database.db),
      sweepStaged(outside.blobs),
    ],
    /** After the last request: what was to be written in the background is. */
    close: async () => {
      await http.close();
      await modules.refusals.close();
    },
  };
};
