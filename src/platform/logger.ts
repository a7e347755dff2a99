import {
  type DestinationStream,
  destination,
  type Logger,
  pino,
  stdSerializers,
  transport,
} from 'pino';

export type { Logger };

type Settings = { level: string; pretty: boolean; to?: DestinationStream };

/** Statements and their parameters stay out of the log: parameters are people's data. */
const withoutStatements = (fault: Error): object => {
  const seen = fault.name === 'DrizzleQueryError' || fault.message.startsWith('Failed query:');
  return stdSerializers.err(seen && fault.cause instanceof Error ? fault.cause : fault);
};

/** Secrets never reach the log, wherever an object carries one. */
const redact = {
  paths: [
    'password',
    'token',
    'access_token',
    'refresh_token',
    'authorization',
    '*.password',
    '*.token',
    '*.access_token',
    '*.refresh_token',
    '*.authorization',
    '*.cookie',
    'err.detail',
    'err.where',
  ],
  censor: '[redacted]',
};

const streamFor = ({ pretty, to }: Settings): DestinationStream => {
  if (to) return to;
  if (!pretty) return destination({ sync: false, minLength: 4096 });
  return transport({
    target: 'pino-pretty',
    options: { ignore: 'pid,hostname', translateTime: 'HH:MM:ss' },
  });
};

export const createLogger = (settings: Settings): Logger =>
  pino(
    {
      level: settings.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      messageKey: 'message',
      serializers: { err: withoutStatements },
      redact,
    },
    streamFor(settings),
  );
