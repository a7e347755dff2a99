import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Config } from '#config.ts';
import { joinEmbeddedPostgres } from '#platform/embedded-postgres/embedded-postgres.ts';
import { migrateJobs } from '#platform/jobs.ts';
import { createLogger, flushLog, type Logger } from '#platform/logger.ts';
import { migrateDatabase } from '#platform/postgres/migrate.ts';
import { buildApp } from './app.ts';
import { closeOutside, openOutside, type Outside } from './outside.ts';

/** The database that the configuration names, or the one of this folder. */
export type ServedDatabase = { url: string; migration_url: string; leave: () => Promise<void> };

export const serveDatabase = async (
  { server, database }: Config,
  log: Logger,
): Promise<ServedDatabase> => {
  const { DATABASE_URL: url, DATABASE_MIGRATION_URL: migration_url = url } = database;
  if (url && migration_url) return { url, migration_url, leave: async () => undefined };
  const folder = join(server.DATA_DIR, 'postgres');
  const embedded = await joinEmbeddedPostgres({ folder, log });
  log.info(`Embedded PostgreSQL in ${folder}, port ${embedded.port} (${embedded.started})`);
  return embedded;
};

export const loggerFor = ({ server }: Config): Logger =>
  createLogger({ level: server.LOG_LEVEL, pretty: server.ENVIRONMENT === 'development' });

export const readVersion = async (): Promise<string> => {
  const manifest = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
};

const RETRY_MS = 500;

/** A database that is not there yet is waited for: processes may start in any order. Each reason is told once. */
const untilDone = async (
  work: () => Promise<void>,
  { log, signal }: { log: Logger; signal: AbortSignal },
): Promise<void> => {
  let told: string | undefined;
  for (;;) {
    try {
      return await work();
    } catch (err) {
      if (signal.aborted) return;
      const reason = String(err);
      if (reason !== told) log.warn({ err }, 'the database is not ready');
      told = reason;
    }
    await wait(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
};

export type Service = {
  /** Of HTTP, as this machine reaches it. */
  url: string;
  /** Resolves when requests are welcome. */
  ready: Promise<void>;
  /** Lets requests in flight end, then leaves everything as it was found. */
  stop: () => Promise<void>;
};

type Ports = { url: string; grpc: number | undefined };

const announce = (log: Logger, { url, grpc }: Ports, { storage, server }: Config): void => {
  log.info(`Files in ${storage.STORAGE_URL ?? join(server.DATA_DIR, 'files')}`);
  const door = grpc === undefined ? '' : ` · gRPC localhost:${grpc}`;
  log.info(
    `Veza listens on ${url} · docs ${url}/docs · health ${url}/health · metrics ${url}/metrics${door}`,
  );
};

/** What keeps a port from us is told with the variable that chose it. */
const ofPort = (port: number, fault: unknown): unknown =>
  fault instanceof Error && 'code' in fault && fault.code === 'EADDRINUSE'
    ? new Error(`PORT ${port} is in use; 0 takes a free one (${fault.message})`, { cause: fault })
    : fault;

/** Answers the port, which the configuration may have left to choose. */
const listen = async (http: FastifyInstance, { server }: Config): Promise<number> => {
  await http.ready();
  http.server.listen({ host: server.HOST, port: server.PORT });
  await once(http.server, 'listening').catch((fault: unknown) => {
    throw ofPort(server.PORT, fault);
  });
  const address = http.server.address();
  return typeof address === 'object' && address ? address.port : server.PORT;
};

type Opened = {
  log: Logger;
  database: ServedDatabase;
  outside: Outside;
  app: Awaited<ReturnType<typeof buildApp>>;
};

const open = async (config: Config): Promise<Opened> => {
  const log = loggerFor(config);
  const database = await serveDatabase(config, log);
  const version = await readVersion();
  const outside = await openOutside({ config, database_url: database.url, log, version });
  return { log, database, outside, app: await buildApp(outside, config) };
};

/** Everything is left as it was found. */
const close = async ({ log, database, outside, app }: Opened): Promise<void> => {
  await app.close();
  await closeOutside(outside);
  await database.leave();
  await flushLog(log);
};

/** On both ports, or on none. */
const listenAll = async (opened: Opened, config: Config) => {
  const { app } = opened;
  try {
    return {
      url: `http://localhost:${await listen(app.http, config)}`,
      grpc: await app.grpc.listen(),
    };
  } catch (fault) {
    await close(opened);
    throw fault;
  }
};

export const startService = async (config: Config): Promise<Service> => {
  const opened = await open(config);
  const { log, database, outside, app } = opened;
  const { url, grpc } = await listenAll(opened, config);

  const stopping = new AbortController();
  const prepare = async (): Promise<void> => {
    await migrateDatabase({
      ...database,
      afterwards: () => migrateJobs(database.migration_url, app.jobs),
    });
    stopping.signal.throwIfAborted();
    await outside.jobs.start(app.jobs);
    stopping.signal.throwIfAborted();
    outside.events.start(app.events);
    app.open();
    app.warm();
    announce(log, { url, grpc }, config);
  };

  return {
    url,
    ready: untilDone(prepare, { log, signal: stopping.signal }),
    stop: async () => {
      log.info('Veza stops when the requests in flight have ended');
      stopping.abort();
      const { SHUTDOWN_TIMEOUT } = config.server;
      app.endStreams();
      await Promise.all([app.http.drain(SHUTDOWN_TIMEOUT), app.grpc.drain(SHUTDOWN_TIMEOUT)]);
      await close(opened);
    },
  };
};
