import { z } from 'zod';
import * as settings from '#platform/settings.ts';

/** Printed in the architecture document and in `config.example.env`: never good enough for production. */
export const EXAMPLE_SECRET = 'your-super-secret-jwt-key-change-in-production-256-bits-min';

/** Every variable the service reads. The descriptions are the documentation (`config.example.env`, README). */
export const variables = {
  server: z.object({
    ENVIRONMENT: z
      .enum(['development', 'test', 'production'])
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
      .enum(['error', 'warn', 'info', 'debug', 'silent'])
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
    JWT_EXPIRATION_TIME: settings.duration('15m').describe('Life of an access token'),
    JWT_REFRESH_TIME: settings
      .duration('7d')
      .describe('A refresh token that is not used for so long expires'),
    JWT_REFRESH_TTL: settings
      .duration('30d')
      .describe('Life of a session, however often it is refreshed'),
    JWT_REFRESH_ROTATION: settings.toggle(true).describe('Each refresh token is used once'),
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
  queue: z.object({
    QUEUE_CONCURRENCY: settings
      .integer(0, 64, 2)
      .describe('Jobs of a kind at once in this process; 0 leaves them to others'),
  }),
  limits: z.object({
    RATE_LIMIT_FACTOR: z.coerce
      .number('is not a number')
      .positive()
      .default(1)
      .describe('Multiplies every limit below; for suites and benches'),
    RATE_LIMIT_STRANGER: settings
      .rateLimit('100/1m')
      .describe('Calls of one address without a token'),
    RATE_LIMIT_MEMBER: settings.rateLimit('500/1m').describe('Calls of one user'),
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
    login: scaled(limits.RATE_LIMIT_LOGIN, factor),
    register: scaled(limits.RATE_LIMIT_REGISTER, factor),
    upload: scaled(limits.RATE_LIMIT_UPLOAD, factor),
    message: scaled(limits.RATE_LIMIT_MESSAGE, factor),
  };
};
