import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, inject } from 'vitest';
import { buildApp } from '#app.ts';
import { type Config, readConfig } from '#config.ts';
import type { LiveEvents } from '#kernel/event.ts';
import { createLogger } from '#platform/logger.ts';
import { closeOutside, openOutside, type Outside } from '../../src/outside.ts';
import { cloneDatabase, dropDatabase } from './clone.ts';

/** What processes of one service share. */
type Ground = { urls: { url: string; migration_url: string }; folder: string };

type Options = {
  /** Settings other than the suite's. */
  environment?: Record<string, string>;
  /** Moves with the test when given. */
  now?: () => Date;
  /** Whether jobs are run; by default they wait. */
  jobs?: boolean;
  /** Whether events are relayed and handled; by default they wait in the outbox. */
  events?: boolean;
  /** Lines of the log, when a test looks at them. */
  log?: (line: string) => void;
  /** Whether the doors are opened; they are by default. */
  open?: boolean;
  /** What is told live, when a test tells it. */
  live?: LiveEvents;
  /** The process it runs beside, sharing database, files and secrets. */
  beside?: Ground;
};

const environmentOf = (folder: string, { environment, jobs }: Options): Record<string, string> => ({
  ENVIRONMENT: 'test',
  DATA_DIR: folder,
  LOG_LEVEL: 'info',
  DATABASE_POOL_MAX: '10',
  DATABASE_POOL_MIN: '0',
  RATE_LIMIT_FACTOR: '10000',
  // Suites share a busy machine; what the deadline does is tested where it is set.
  REQUEST_TIMEOUT: '10s',
  QUEUE_CONCURRENCY: jobs ? '1' : '0',
  ...environment,
});

const newGround = async (): Promise<Ground> => {
  const folder = await mkdtemp(join(tmpdir(), 'veza-test-app-'));
  const urls = await cloneDatabase(inject('template'));
  afterAll(async () => {
    await dropDatabase(urls);
    await rm(folder, { recursive: true, force: true });
  });
  return { urls, folder };
};

/** The application on a database, files and secrets of its own, not listening; taken down after the file's tests. */
export const testApp = async (options: Options = {}): Promise<TestApp> => {
  const { urls, folder } = options.beside ?? (await newGround());
  const config = readConfig(environmentOf(folder, options));
  const to = { write: (line: string) => options.log?.(line) };
  const log = createLogger({ level: config.server.LOG_LEVEL, pretty: false, to });
  const now = options.now ?? (() => new Date());
  const given = { config, database_url: urls.url, log, version: 'test', now };
  const opened = await openOutside(given);
  const { live = opened.events.live } = options;
  const outside: Outside = { ...opened, events: { ...opened.events, live } };
  const app = await buildApp(outside, config);
  await outside.jobs.start(app.jobs);
  if (options.events) outside.events.start(app.events);
  if (options.open ?? true) app.open();
  await app.http.ready();

  afterAll(async () => {
    await app.close();
    await closeOutside(outside);
  });
  return { ...app, outside, config, urls, folder };
};

export type TestApp = Awaited<ReturnType<typeof buildApp>> &
  Ground & { outside: Outside; config: Config };
