import { z } from 'zod';
import * as settings from '#platform/settings.ts';

/** Printed in the architecture document and in `config.example.env`: never good enough for production. */
export const EXAMPLE_SECRET = 'your-super-secret-jwt-key-change-in-production-256-bits-min';

/** Every variable the service reads. The descriptions are the documentation (`config.example.env`, README). */
export const variables = {
  server: z.object({
    ENVIRONMENT: z
      .enum(['development', 'test', 'production'], {
        error: 'must be development, test or production',
      })
      .default('development')
      .describe('development, test or production'),
    HOST: z.string().default('0.0.0.0').describe('Address to listen on'),
    PORT: settings.port(8080).describe('Port of HTTP; 0 takes a free one'),
    PUBLIC_URL: settings
      .url(['http', 'https'])
      .optional()
      .describe(
        'Where callers reach the service; links in answers begin with it, by default with the address of the request',
      ),
    LOG_LEVEL: z
      .enum(['error', 'warn', 'info', 'debug', 'silent'], {
        error: 'must be error, warn, info, debug or silent',
      })
      .default('info')
      .describe('error, warn, info, debug or silent'),
    CORS_ORIGINS: settings
      .origins('https://veza.app,https://app.veza.com')
      .describe('Origins allowed in production; elsewhere any localhost is, too'),
    TRUSTED_PROXIES: settings
      .addressList()
      .describe('Proxies whose X-Forwarded-For counts: addresses and CIDR ranges'),
    REQUEST_TIMEOUT: settings
      .duration('2s')
      .describe('What one request may spend waiting for the database, in all'),
    SHUTDOWN_TIMEOUT: settings
      .duration('20s')
      .describe('How long requests in flight may take to end at a stop'),
    DATA_DIR: z
      .string()
      .min(1)
      .default('.data')
      .describe('Folder of the embedded database, of generated secrets and of files'),
  }),
  database: z.object({
    DATABASE_URL: settings
      .url(['postgres', 'postgresql'])
      .optional()
      .describe('PostgreSQL 15 or later; unset: an embedded server in DATA_DIR'),
    DATABASE_MIGRATION_URL: settings
      .url(['postgres', 'postgresql'])
      .optional()
      .describe('The role that owns the tables, when it is not that of DATABASE_URL'),
    DATABASE_POOL_MAX: settings.integer(2, 1000, 100).describe('Most connections of this process'),
    DATABASE_POOL_MIN: settings.integer(0, 1000, 10).describe('Connections kept while idle'),
    SLOW_QUERY_MS: settings
      .integer(0, 600_000, 50)
      .describe('Queries that take longer are logged by name'),
  }),
  jwt: z.object({
    JWT_SECRET: settings
      .secret()
      .optional()
      .describe(
        'Signs access tokens (HS256); at least 32 bytes. Unset outside production: generated into DATA_DIR',
      ),
    JWT_SECRET_PREVIOUS: settings
      .secret()
      .optional()
      .describe('The secret before, still accepted while rotating'),
    JWT_PRIVATE_KEY: settings
      .privateKey()
      .optional()
      .describe(
        'Signs access tokens instead (EdDSA); Ed25519, PKCS#8 as PEM or base64. Others verify by /.well-known/jwks.json',
      ),
    JWT_PUBLIC_KEYS_PREVIOUS: settings
      .publicKeys()
      .describe('Keys before, still accepted and published while rotating; SPKI as base64'),
    JWT_EXPIRATION_TIME: settings.duration('15m').describe('Life of an access token'),
    JWT_REFRESH_TIME: settings
      .duration('7d')
      .describe('A refresh token that is not used for so long expires'),
    JWT_REFRESH_TTL: settings
      .duration('30d')
      .describe('Life of a session, however often it is refreshed'),
    JWT_REFRESH_ROTATION: settings.toggle(true).describe('Each refresh token is used once'),
  }),
  redis: z.object({
    REDIS_URL: settings
      .url(['redis', 'rediss'])
      .optional()
      .describe(
        'Shares rate limits and cached answers between processes; unset, or away: each has its own',
      ),
  }),
  cache: z.object({
    CACHE_ENABLE_LEVEL1: settings
      .toggle(true)
      .describe('Keep answers in the memory of the process'),
    CACHE_ENABLE_LEVEL2: settings
      .toggle(true)
      .describe('Keep answers in Redis, where there is one, for all processes'),
    CACHE_ENABLE_LEVEL3: settings
      .toggle(true)
      .describe('Keep results of expensive queries in PostgreSQL; the same in every process'),
    CACHE_MAX_MEMORY_MB: settings
      .integer(1, 65_536, 64)
      .describe('Most memory for answers, in MiB; the least used are dropped'),
    CACHE_COMPRESSION_LEVEL: settings
      .integer(0, 9, 1)
      .describe('Of longer answers in Redis: 0 is none, 9 takes longest'),
    CACHE_STATS_INTERVAL: settings
      .duration('1m')
      .describe('How often the log tells what the cache was good for, unless it was idle'),
  }),
  storage: z.object({
    STORAGE_URL: settings
      .url(['file'])
      .optional()
      .describe(
        'Where files are kept, like file:///srv/veza; unset outside production: DATA_DIR/files',
      ),
    STORAGE_QUOTA_BYTES: settings.bytes('10GiB').describe('What one user may keep'),
    UPLOAD_MAX_BYTES: settings.bytes('200MiB').describe('The largest audio file'),
    STREAM_SECRET: settings
      .secret()
      .optional()
      .describe(
        'Signs stream URLs; shared with stream servers; at least 32 bytes. Unset outside production: generated into DATA_DIR',
      ),
    STREAM_URL_TTL: settings.duration('10m').describe('Life of a stream URL'),
    FFMPEG_PATH: z
      .string()
      .min(1)
      .default('ffmpeg')
      .describe('Decodes what the built-in decoders cannot, where it is installed'),
  }),
  nats: z.object({
    NATS_URL: settings
      .url(['nats', 'tls'])
      .optional()
      .describe(
        'NATS with JetStream, 2.9 or later, where events are published; unset: they stay within the service',
      ),
  }),
  queue: z.object({
    QUEUE_CONCURRENCY: settings
      .integer(0, 64, 2)
      .describe('Jobs of a kind at once in this process; 0 leaves them to others'),
  }),
  grpc: z.object({
    GRPC_PORT: settings
      .portOrOff(50_051)
      .describe(
        'Port of gRPC; 0 takes a free one, as development does when it is taken; off closes it',
      ),
    GRPC_TLS_CERT: z
      .string()
      .optional()
      .describe(
        'File of the certificate chain (PEM); unset outside production: one of its own, DATA_DIR/grpc.crt',
      ),
    GRPC_TLS_KEY: z.string().optional().describe('File of its private key (PEM)'),
    GRPC_CLIENT_CA: z
      .string()
      .optional()
      .describe(
        'File of the authority of client certificates (PEM); set, every caller needs one and is the service that its common name says',
      ),
    GRPC_SERVICE_TOKENS: settings
      .namedSecrets()
      .describe(
        'Services that may call without a client certificate, each with the x-service-token it sends, like stream-server=…,chat-server=…',
      ),
  }),
  limits: z.object({
    RATE_LIMIT_FACTOR: z.coerce
      .number('is not a number')
      .positive()
      .default(1)
      .describe('Multiplies every limit below; for suites and benches'),
    RATE_LIMIT_FALLBACK_TO_MEMORY: settings
      .toggle(true)
      .describe(
        'Without Redis each process limits by itself; otherwise calls are answered 503 until it is back',
      ),
    RATE_LIMIT_STRANGER: settings
      .rateLimit('100/1m')
      .describe('Calls of one address without a token'),
    RATE_LIMIT_MEMBER: settings.rateLimit('500/1m').describe('Calls of one user'),
    RATE_LIMIT_SERVICE: settings
      .rateLimit('600000/1m')
      .describe('Calls of one service over gRPC, for whomever it asks'),
    RATE_LIMIT_LOGIN: settings
      .rateLimit('10/15m')
      .describe('Sign-ins to one account from one address'),
    RATE_LIMIT_REGISTER: settings.rateLimit('5/1h').describe('Registrations from one address'),
    RATE_LIMIT_UPLOAD: settings.rateLimit('30/1h').describe('Uploads of one user'),
    RATE_LIMIT_MESSAGE: settings.rateLimit('100/1m').describe('Messages of one user'),
  }),
};

type Variables = typeof variables;
export type Config = { readonly [G in keyof Variables]: Readonly<z.output<Variables[G]>> };
export type Environment = Readonly<Record<string, string | undefined>>;

/** The start was refused; each problem is one line that names its variable. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

const neededInProduction = ['DATABASE_URL', 'JWT_SECRET', 'STREAM_SECRET', 'STORAGE_URL'] as const;
const secrets = ['JWT_SECRET', 'JWT_SECRET_PREVIOUS', 'STREAM_SECRET'] as const;

/** Both files or neither; production has no certificate of its own. */
const problemsOfCertificate = (environment: Environment): string[] => {
  const { GRPC_PORT, GRPC_TLS_CERT, GRPC_TLS_KEY, ENVIRONMENT } = environment;
  if (GRPC_PORT === 'off' || (GRPC_TLS_CERT && GRPC_TLS_KEY)) return [];
  if (GRPC_TLS_CERT || GRPC_TLS_KEY) return ['GRPC_TLS_CERT and GRPC_TLS_KEY must be set together'];
  return ENVIRONMENT === 'production'
    ? ['GRPC_TLS_CERT and GRPC_TLS_KEY must be set in production, or GRPC_PORT=off']
    : [];
};

const problemsOfProduction = (environment: Environment): string[] => [
  ...neededInProduction
    .filter((name) => !environment[name])
    .map((name) => `${name} must be set in production`),
  ...secrets
    .filter((name) => environment[name] === EXAMPLE_SECRET)
    .map((name) => `${name} is the published example; production needs one of its own`),
];

/** Reads `environment`; an empty variable counts as unset. Throws a ConfigError with every problem at once. */
export const readConfig = (environment: Environment): Config => {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const problems = given['ENVIRONMENT'] === 'production' ? problemsOfProduction(given) : [];
  problems.push(...problemsOfCertificate(given));
  const groups = Object.entries(variables).map(([name, schema]) => {
    const result = schema.safeParse(given);
    for (const { path, message } of result.error?.issues ?? [])
      problems.push(`${path.join('.')} ${message}`);
    return [name, Object.freeze(result.data)] as const;
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(Object.fromEntries(groups)) as Config;
};

const scaled = (
  { rate, burst, period_ms }: settings.RateLimit,
  factor: number,
): settings.RateLimit => ({
  rate: rate * factor,
  burst: Math.max(1, Math.floor(burst * factor)),
  period_ms,
});

/** Every bucket, with the factor of suites and benches in it. */
export const limitsOf = ({ limits }: Pick<Config, 'limits'>) => {
  const factor = limits.RATE_LIMIT_FACTOR;
  return {
    stranger: scaled(limits.RATE_LIMIT_STRANGER, factor),
    member: scaled(limits.RATE_LIMIT_MEMBER, factor),
    service: scaled(limits.RATE_LIMIT_SERVICE, factor),
    login: scaled(limits.RATE_LIMIT_LOGIN, factor),
    register: scaled(limits.RATE_LIMIT_REGISTER, factor),
    upload: scaled(limits.RATE_LIMIT_UPLOAD, factor),
    message: scaled(limits.RATE_LIMIT_MESSAGE, factor),
  };
};
