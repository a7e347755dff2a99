import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Registry } from '@prometheus-io/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createJobMetrics } from '#platform/job-metrics.ts';
import { createJobs, type Job, type JobKind } from '#platform/jobs.ts';
import { testApp } from '#test/app.ts';
import { rowsOf } from '#test/events.ts';

type Data = { key: string };
type Act = (job: Job<Data>) => Promise<void>;

const acts = new Map<string, Act>();

/** Queues of the application whose jobs do here what the test says. */
const kindOf = (name: string, more: Partial<JobKind<Data>> = {}): JobKind<Data> => ({
  name,
  retry_limit: 3,
  longest_seconds: 600,
  run: async (job) => acts.get(job.data.key)?.(job),
  ...more,
});

/** Its jobs are left to a process beside it, which runs the kinds of the test. */
const app = await testApp();
const { administration } = app.outside.jobs;
const registry = new Registry();
const jobs = createJobs({
  url: app.urls.url,
  concurrency: 4,
  metrics: createJobMetrics(registry),
  log: app.outside.log,
});

beforeAll(() => jobs.start([kindOf('auth.purge'), kindOf('tracks.purge', { concurrency: 1 })]));
afterAll(() => jobs.stop(2000));

const enqueue = (name: string, act: Act): Promise<string> => {
  const key = randomUUID();
  acts.set(key, act);
  return app.outside.database.inTransaction((db) => jobs.enqueue(db, name, { key }));
};

/** Retries wait for seconds: here they are due at once. */
const hurry = () => rowsOf(app, `update pgboss.job set start_after = now() where state = 'retry'`);

const stateOf = async (name: string, id: string): Promise<string> =>
  (await administration.find({ name, id })).state;

const until = (read: () => unknown) => expect.poll(read, { timeout: 25_000, interval: 100 });

describe('a job', () => {
  it('tells how far it is', async () => {
    const going = Promise.withResolvers<void>();
    const id = await enqueue('auth.purge', async ({ progress }) => {
      await progress(40);
      await going.promise;
    });
    const find = () => administration.find({ name: 'auth.purge', id });
    await until(async () => (await find()).progress_percent).toBe(40);
    expect(await find()).toMatchObject({ state: 'active', completed_at: null, last_error: null });
    going.resolve();
    await until(() => stateOf('auth.purge', id)).toBe('completed');
  });

  it('that runs is cancelled from another process', async () => {
    const aborted = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const id = await enqueue('auth.purge', async ({ signal }) => {
      signal.addEventListener('abort', () => aborted.resolve());
      began.resolve();
      await aborted.promise;
      throw new Error('stopped');
    });
    await began.promise;
    await administration.cancel({ name: 'auth.purge', id });
    await aborted.promise;
    await hurry();
    expect(await stateOf('auth.purge', id)).toBe('cancelled');
    const again = administration.cancel({ name: 'auth.purge', id });
    await expect(again).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('of a kind that goes one by one has no other beside it', async () => {
    let running = 0;
    let most = 0;
    const act = async () => {
      running += 1;
      most = Math.max(most, running);
      await wait(50);
      running -= 1;
    };
    const ids = await Promise.all(Array.from({ length: 5 }, () => enqueue('tracks.purge', act)));
    await until(() => Promise.all(ids.map((id) => stateOf('tracks.purge', id)))).toEqual(
      ids.map(() => 'completed'),
    );
    expect(most).toBe(1);
  });

  it('whose last try failed is a dead letter, and can be tried again', async () => {
    let tries = 0;
    const id = await enqueue('auth.purge', async () => {
      tries += 1;
      if (tries <= 4) throw new Error(`try ${tries}`);
    });
    await until(async () => {
      await hurry();
      return stateOf('auth.purge', id);
    }).toBe('failed');
    const dead = await administration.deadLetters({ limit: 10 });
    expect(dead.filter((job) => job.id === id)).toMatchObject([
      { name: 'auth.purge', retry_count: 3, last_error: 'try 4' },
    ]);
    await administration.retry({ name: 'auth.purge', id });
    await until(async () => {
      await hurry();
      return stateOf('auth.purge', id);
    }).toBe('completed');
    expect(tries).toBe(5);
    const text = await registry.metrics();
    expect(text).toMatch(/veza_jobs_total\{kind="auth.purge",outcome="done"\} [1-9]/);
    expect(text).toMatch(/veza_jobs_total\{kind="auth.purge",outcome="failed"\} 4/);
    expect(text).toMatch(/veza_jobs_total\{kind="auth.purge",outcome="aborted"\} 1/);
    expect(text).toMatch(/veza_job_duration_seconds_count\{kind="auth.purge"\} [1-9]/);
  });

  it.each(['nothing', randomUUID()])(
    'that is not there (%s) is neither found nor changed',
    async (id) => {
      const { find, retry, cancel } = administration;
      for (const verb of [find, retry, cancel])
        await expect(verb({ name: 'auth.purge', id })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    },
  );
});
