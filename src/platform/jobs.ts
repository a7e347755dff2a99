import { sql } from 'drizzle-orm';
import { fromDrizzle, PgBoss } from 'pg-boss';
import { libpqUrl } from './postgres/connection.ts';
import type { Db } from './postgres/database.ts';

export type Job<T> = {
  data: T;
  /** Aborted when the job takes too long, and when this process stops: it is then run again elsewhere. */
  signal: AbortSignal;
  /** Whether a failure now is final. */
  last_try: boolean;
};

/** A kind of work that is done later, at least once. */
export type JobKind<T> = {
  name: string;
  retry_limit: number;
  longest_seconds: number;
  /** When to run it unasked (cron, UTC). */
  schedule?: string;
  run: (job: Job<T>) => Promise<void>;
};

type Queue = Pick<JobKind<never>, 'name' | 'retry_limit' | 'longest_seconds'>;

export interface Jobs {
  /** Adds a job when the transaction commits. */
  enqueue(db: Db, name: string, data: object): Promise<void>;
  start(kinds: readonly JobKind<never>[]): Promise<void>;
  /** Lets running jobs end, and hands those that do not back to the queue. */
  stop(timeout_ms: number): Promise<void>;
}

type Settings = {
  url: string;
  concurrency: number;
  log: { warn(facts: object, said: string): void };
};

const optionsOf = ({ retry_limit, longest_seconds }: Queue) => ({
  retryLimit: retry_limit,
  retryDelay: 2,
  retryBackoff: true,
  retryDelayMax: 600,
  expireInSeconds: longest_seconds,
  heartbeatSeconds: 30,
  deleteAfterSeconds: 7 * 86_400,
  notify: true,
});

/** Brings pg-boss's own tables and our queues up to date; needs the role that owns the tables. */
export const migrateJobs = async (
  migration_url: string,
  queues: readonly Queue[],
): Promise<void> => {
  const boss = new PgBoss({
    connectionString: libpqUrl(migration_url),
    max: 2,
    supervise: false,
    schedule: false,
  });
  boss.on('error', () => undefined);
  await boss.start();
  for (const queue of queues)
    if (await boss.getQueue(queue.name)) await boss.updateQueue(queue.name, optionsOf(queue));
    else await boss.createQueue(queue.name, optionsOf(queue));
  await boss.stop({ graceful: false });
};

const CONNECTIONS = 4;

const createBoss = ({ url, log }: Settings): PgBoss => {
  const boss = new PgBoss({
    connectionString: libpqUrl(url),
    application_name: 'veza-api jobs',
    max: CONNECTIONS,
    connectionTimeoutMillis: 2000,
    options: '-c statement_timeout=10000 -c lock_timeout=5000',
    migrate: false,
    createSchema: false,
    reindex: false,
    monitorVacuum: false,
    useListenNotify: true,
  });
  boss.on('error', (fault) => log.warn({ err: fault }, 'job queue'));
  return boss;
};

/** Work that survives restarts, kept in PostgreSQL by pg-boss. */
export const createJobs = (settings: Settings): Jobs => {
  const { concurrency } = settings;
  const boss = createBoss(settings);
  const stopping = new AbortController();

  const work = async ({ name, retry_limit, run, schedule }: JobKind<never>): Promise<void> => {
    if (schedule) await boss.schedule(name, schedule);
    if (concurrency === 0) return;
    const options = { batchSize: 1, localConcurrency: concurrency, burstWhenBatchFull: true };
    await boss.work<never>(name, options, async ([job]) => {
      if (!job) return;
      const signal = AbortSignal.any([job.signal, stopping.signal]);
      await run({ data: job.data, signal, last_try: job.retryCount >= retry_limit });
    });
  };

  return {
    async enqueue(db, name, data) {
      await boss.send(name, data, { db: fromDrizzle(db, sql) });
    },
    async start(kinds) {
      await boss.start();
      for (const kind of kinds) await work(kind);
    },
    async stop(timeout_ms) {
      const hurry = setTimeout(
        () => stopping.abort(new Error('The process stops')),
        timeout_ms / 2,
      );
      await boss.stop({ graceful: true, timeout: timeout_ms });
      clearTimeout(hurry);
    },
  };
};
