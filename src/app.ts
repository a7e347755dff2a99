import type { FastifyInstance } from 'fastify';
import { registerHealth } from '#api/health.ts';
import { contextMaker, createHttp, type HttpSettings } from '#api/http.ts';
import { registerKeys } from '#api/keys.ts';
import { registerReference } from '#api/reference.ts';
import { registerRest } from '#api/rest.ts';
import { registerTrpcHttp } from '#api/trpc-http.ts';
import { type Config, limitsOf } from '#config.ts';
import type { Member } from '#kernel/actor.ts';
import { withDeadline } from '#kernel/deadline.ts';
import { createAnalyticsModule } from '#modules/analytics/analytics.module.ts';
import { createAuditModule } from '#modules/audit/audit.module.ts';
import { createAuthModule } from '#modules/auth/auth.module.ts';
import { createChatModule } from '#modules/chat/chat.module.ts';
import { createModerationModule } from '#modules/moderation/moderation.module.ts';
import { createTracksModule } from '#modules/tracks/tracks.module.ts';
import { createUsersModule } from '#modules/users/users.module.ts';
import { purgeCache } from '#platform/cache/cache.postgres.ts';
import { createIdempotencyKeys, purgeIdempotencyKeys } from '#platform/idempotency-keys.ts';
import { createProcessHealth } from '#platform/process-health.ts';
import { createListenerFingerprint } from '#platform/listener-fingerprint.ts';
import { createMemoryRateLimiter } from '#platform/rate-limiter.ts';
import { createSharedRateLimiter } from '#platform/redis/rate-limiter.ts';
import { sweepStaged } from '#platform/storage/sweep.job.ts';
import { createSigningKeys } from '#platform/signing-keys.ts';
import { createStreamSignatures } from '#platform/stream-signatures.ts';
import { createAccessTokens } from '#platform/tokens.ts';
import { createAppRouter } from './app-router.ts';
import { createGrpcDoor } from './grpc-door.ts';
import type { Outside } from './outside.ts';

const createAccess = ({ secrets, now }: Outside, { jwt }: Config) => {
  const keys = createSigningKeys({
    secret: secrets.jwt,
    previous: secrets.jwt_previous,
    private_key: jwt.JWT_PRIVATE_KEY,
    public_keys_previous: jwt.JWT_PUBLIC_KEYS_PREVIOUS,
  });
  const access = createAccessTokens({ keys, life_ms: jwt.JWT_EXPIRATION_TIME, now });
  return { access, jwks: keys.jwks };
};

const createModules = (outside: Outside, config: Config) => {
  const { database, cache, events, secrets, now } = outside;
  const { factsOn } = events;
  const { auditOn, refusals } = createAuditModule(outside);
  const moderation = createModerationModule({ ...outside, auditOn });
  const texts = moderation.service;
  const users = createUsersModule({ database, cache, auditOn, factsOn, texts });
  const { access, jwks } = createAccess(outside, config);
  const { STREAM_URL_TTL: life_ms, STORAGE_QUOTA_BYTES, UPLOAD_MAX_BYTES } = config.storage;
  const tracks = createTracksModule({
    ...outside,
    auditOn,
    factsOn,
    users: users.service,
    texts,
    streamUrls: createStreamSignatures({ secret: secrets.stream, life_ms, now }),
    fingerprint: createListenerFingerprint(secrets.jwt),
    meter: outside.metrics.transfers,
    live: events.live,
    limits: { file_bytes: UPLOAD_MAX_BYTES },
    quota_bytes: STORAGE_QUOTA_BYTES,
    request_timeout_ms: config.server.REQUEST_TIMEOUT,
  });
  const auth = createAuthModule({
    ...outside,
    access,
    secrets: { secret: secrets.jwt, previous: secrets.jwt_previous },
    lifetimes: { session_ms: config.jwt.JWT_REFRESH_TTL, refresh_ms: config.jwt.JWT_REFRESH_TIME },
    rotates: config.jwt.JWT_REFRESH_ROTATION,
    accountsOn: users.accountsOn,
    auditOn,
    factsOn,
    refusals,
    texts,
    profileOf: (user_id) => users.service.me({ user_id }),
    accountFor: users.service.getFor,
    rights: { tracks: tracks.service },
  });
  const chat = createChatModule({
    ...outside,
    auditOn,
    users: users.service,
    moderation: texts,
    moderationOn: moderation.moderationOn,
    isSignedIn: async (member) => (await auth.identification.memberOf(member)) !== undefined,
    request_timeout_ms: config.server.REQUEST_TIMEOUT,
  });
  const analytics = createAnalyticsModule({ database });
  return { refusals, moderation, users, auth, tracks, chat, analytics, jwks };
};

const createCounter = ({ redis }: Outside, { limits }: Config): HttpSettings['counter'] => {
  const memory = createMemoryRateLimiter();
  if (!redis) return memory;
  const { RATE_LIMIT_FALLBACK_TO_MEMORY: falls_back } = limits;
  return createSharedRateLimiter({ redis, memory, falls_back });
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
  counter: createCounter(outside, config),
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

/** Without Redis each process keeps its own counts and answers: slower, and no less right. */
const redisHealth = ({ redis }: Outside) =>
  redis && {
    redis: () =>
      redis.isUp()
        ? ({ status: 'healthy' } as const)
        : ({ status: 'degraded', message: 'The server cannot be reached' } as const),
  };

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
    ...(outside.events.health && { nats: outside.events.health }),
    storage: async () => {
      await outside.blobs.check();
      return { status: 'healthy' } as const;
    },
    ...redisHealth(outside),
    ...createProcessHealth(),
  },
  notReady: async () => {
    if (http.isDraining()) return 'shutting_down' as const;
    if (!http.isOpen()) return 'starting' as const;
    return (await pingWithin(outside)) ? undefined : ('database_unavailable' as const);
  },
});

type Wired = {
  http: FastifyInstance;
  modules: Modules;
  settings: HttpSettings;
  health: ReturnType<typeof healthSettings>;
};

const grpcDoor = (outside: Outside, config: Config, { http, modules, settings, health }: Wired) =>
  createGrpcDoor(outside, config, {
    door: settings,
    services: [modules.auth.grpc, modules.tracks.grpc],
    isOpen: () => http.isOpen(),
    isReady: async () => (await health.notReady()) === undefined,
  });

const memberBy = async (
  { verify, memberOf }: Modules['auth']['identification'],
  token: string,
): Promise<Member | undefined> => {
  const verified = await verify(token);
  return 'claims' in verified ? memberOf(verified.claims) : undefined;
};

/** Every door of HTTP. */
const openHttp = async (outside: Outside, config: Config, modules: Modules) => {
  const router = createAppRouter(modules);
  const settings = httpSettings(outside, config, modules);
  const http = await createHttp(settings);
  const health = healthSettings(outside, config, http);
  const contextOf = contextMaker(http, settings);
  const timeout_ms = config.server.REQUEST_TIMEOUT;
  const keys = createIdempotencyKeys(outside.database.db);
  const rest = { router, keys, timeout_ms, contextOf };

  registerHealth(http, health);
  registerReference(http);
  registerKeys(http, modules.jwks);
  await http.register((scope) => registerRest(scope, rest), { prefix: '/api/v1' });
  await registerTrpcHttp(http, {
    router,
    timeout_ms,
    refused: modules.refusals,
    contextOf,
    memberBy: (token) => memberBy(modules.auth.identification, token),
  });
  modules.tracks.registerHttp(http);
  return { http, router, settings, health };
};

const jobsOf = ({ database, events, blobs }: Outside, { auth, tracks, moderation }: Modules) => [
  ...auth.jobs,
  ...tracks.jobs,
  ...moderation.jobs,
  ...events.jobs,
  purgeIdempotencyKeys(database.db),
  purgeCache(database.db),
  sweepStaged(blobs),
];

/** The whole application, wired but not listening. */
export const buildApp = async (outside: Outside, config: Config) => {
  const modules = createModules(outside, config);
  const { auth, users, tracks, chat, moderation, analytics, refusals } = modules;
  const { http, router, settings, health } = await openHttp(outside, config, modules);
  const grpc = grpcDoor(outside, config, { http, modules, settings, health });

  return {
    http,
    grpc,
    /** Until then every request but the probes' is refused: the tables may not be there. */
    open: () => http.openDoors(),
    /** Reads what the first requests would otherwise have to wait for. */
    warm: moderation.warm,
    router,
    services: {
      auth: auth.service,
      users: users.service,
      tracks: tracks.service,
      chat: chat.service,
      moderation: moderation.service,
      analytics: analytics.service,
      events: outside.events.administration,
      jobs: outside.jobs.administration,
    },
    moderationOn: moderation.moderationOn,
    jobs: jobsOf(outside, modules),
    events: {
      consumers: analytics.consumers,
      messages: [...users.messages, ...auth.messages, ...tracks.messages],
    },
    /** Those who listen go on elsewhere. */
    endStreams: () => chat.streams.endAll(),
    /** After the last request: what was to be written in the background is. */
    close: async () => {
      await grpc.drain(0);
      await http.close();
      chat.close();
      await refusals.close();
    },
  };
};
