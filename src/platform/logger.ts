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

const wrappers = ['TRPCError', 'DrizzleQueryError'];

/** The innermost fault: what wraps it repeats statements with their parameters, which are people's data. */
const innermost = (fault: Error): Error => {
  const wraps = wrappers.includes(fault.name) || fault.message.startsWith('Failed query:');
  return wraps && fault.cause instanceof Error ? innermost(fault.cause) : fault;
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

/** Lines go out together, but none waits longer for others: somebody may be watching. */
const batches = { sync: false, minLength: 12_288, periodicFlush: 200 };

const streamFor = ({ pretty, to }: Settings): DestinationStream => {
  if (to) return to;
  if (!pretty) return destination(batches);
  return transport({
    target: 'pino-pretty',
    options: {
      ignore: 'pid,hostname',
      translateTime: 'HH:MM:ss',
      messageKey: 'message',
      singleLine: true,
    },
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
      serializers: { err: (fault: Error) => stdSerializers.err(innermost(fault)) },
      redact,
    },
    streamFor(settings),
  );

const FLUSH_MS = 500;

const flushOnce = (log: Logger): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, FLUSH_MS).unref();
    log.flush(() => resolve());
  });

/**
 * Writes what is still held, as far as somebody reads it. Without this an exit would try for ever when
 * nobody does: the stream only learns of that while there is time to wait. Twice, since a write that was
 * under way ends the first flush without the lines that came after it.
 */
export const flushLog = async (log: Logger): Promise<void> => {
  await flushOnce(log);
  await flushOnce(log);
};
