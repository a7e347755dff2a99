import { sql } from 'drizzle-orm';
import { fromDrizzle, PgBoss } from 'pg-boss';
import { libpqUrl } from './postgres/connection.ts';
import { createJobAdministration, type JobAdministration } from './job-administration.ts';
import type { JobMetrics } from './job-metrics.ts';
import type { Db } from './postgres/database.ts';

export type Job<T> = {
  data: T;
  /**
   * Aborted when the job takes too long, within seconds of being cancelled by anybody, and when this process
   * stops: it is then run again elsewhere.
   */
  signal: AbortSignal;
  /** Tells whoever looks how far the job is. */
  progress: (percent: number) => Promise<void>;
};

/** A kind of work that is done later, at least once. */
export type JobKind<T> = {
  name: string;
  retry_limit: number;
  longest_seconds: number;
  /** Most at once in this process; as configured for all kinds when absent. */
  concurrency?: number;
  /** When to run it unasked (cron, UTC). */
  schedule?: string;
  run: (job: Job<T>) => Promise<void>;
  /** Told when the last try has failed, or ended without a word with its process. */
  gaveUp?: (data: T) => Promise<void>;
};

type Queue = Pick<JobKind<never>, 'name' | 'retry_limit' | 'longest_seconds' | 'gaveUp'>;

export interface Jobs {
  /** Adds a job when the transaction commits, and answers its id. */
  enqueue(db: Db, name: string, data: object): Promise<string>;
  readonly administration: JobAdministration;
  start(kinds: readonly JobKind<never>[]): Promise<void>;
  /** Lets running jobs end, and hands those that do not back to the queue. */
  stop(timeout_ms: number): Promise<void>;
}

type Settings = {
  url: string;
  concurrency: number;
  metrics: JobMetrics;
  log: { warn(facts: object, said: string): void };
};

/** Where the jobs of a queue go after their last try. */
const deadLettersOf = ({ name }: Pick<Queue, 'name'>): string => `${name}.dead`;

/** Telling that a job was given up is tried for days: nobody else does it. */
const telling = { retry_limit: 20, longest_seconds: 60 };

const withDeadLetters = (queue: Queue): (Queue & { deadLetter?: string })[] => {
  if (!queue.gaveUp) return [queue];
  const name = deadLettersOf(queue);
  return [
    { name, ...telling },
    { ...queue, deadLetter: name },
  ];
};

const optionsOf = ({
  retry_limit,
  longest_seconds,
  deadLetter,
}: Queue & { deadLetter?: string }) => ({
  ...(deadLetter && { deadLetter }),
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
  for (const queue of queues.flatMap(withDeadLetters))
    if (await boss.getQueue(queue.name)) await boss.updateQueue(queue.name, optionsOf(queue));
    else await boss.createQueue(queue.name, optionsOf(queue));
  await boss.stop({ graceful: false });
};

const CONNECTIONS = 4;

/** A job that was cancelled learns of it so soon. */
const LOOK_AFTER_RUNNING_SECONDS = 2;

/** New jobs are announced; retries are not, and wait for the next look. */
const LOOK_SECONDS = 2;

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

const workOptions = {
  batchSize: 1,
  burstWhenBatchFull: true,
  notifyPollingIntervalSeconds: LOOK_SECONDS,
  heartbeatRefreshSeconds: LOOK_AFTER_RUNNING_SECONDS,
};

/** Work that survives restarts, kept in PostgreSQL by pg-boss. */
export const createJobs = (settings: Settings): Jobs => {
  const { metrics } = settings;
  const boss = createBoss(settings);
  const stopping = new AbortController();
  const administration = createJobAdministration(boss);

  const each = async (
    { name, run }: Pick<JobKind<never>, 'name' | 'run'>,
    localConcurrency: number,
  ): Promise<void> => {
    await boss.work<never>(name, { ...workOptions, localConcurrency }, async ([job]) => {
      if (!job) return;
      const signal = AbortSignal.any([job.signal, stopping.signal]);
      const progress = (percent: number) => administration.note({ name, id: job.id }, percent);
      await metrics.run({ kind: name, signal }, () => run({ data: job.data, signal, progress }));
    });
  };

  const work = async (kind: JobKind<never>): Promise<void> => {
    const { name, run, gaveUp, schedule } = kind;
    if (schedule) await boss.schedule(name, schedule);
    if (settings.concurrency === 0) return;
    const concurrency = kind.concurrency ?? settings.concurrency;
    await each({ name, run }, concurrency);
    if (gaveUp)
      await each({ name: deadLettersOf(kind), run: ({ data }) => gaveUp(data) }, concurrency);
  };

  return {
    administration,
    async enqueue(db, name, data) {
      const id = await boss.send(name, data, { db: fromDrizzle(db, sql) });
      if (id === null) throw new Error(`The queue ${name} took no job`);
      return id;
    },
    async start(kinds) {
      await boss.start();
      for (const kind of kinds) await work(kind);
      metrics.watch(() => administration.waiting());
    },
    async stop(timeout_ms) {
      metrics.unwatch();
      const hurry = setTimeout(
        () => stopping.abort(new Error('The process stops')),
        timeout_ms / 2,
      );
      await boss.stop({ graceful: true, timeout: timeout_ms });
      clearTimeout(hurry);
    },
  };
};
