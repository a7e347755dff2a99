import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client';

const RUN_SECONDS = [0.01, 0.1, 0.5, 1, 5, 15, 60, 300];
const LOOK_MS = 10_000;

type Waiting = { name: string; jobs: number }[];

/** What was stopped from outside did not fail: it was cancelled, took too long, or its process stops. */
const outcomeOf = (signal: AbortSignal): 'aborted' | 'failed' =>
  signal.aborted ? 'aborted' : 'failed';

const watchWaiting = (gauge: Gauge<'kind'>) => {
  let timer: NodeJS.Timeout | undefined;
  const look = async (read: () => Promise<Waiting>): Promise<void> => {
    const waiting = await read().catch(() => undefined);
    if (!waiting) return;
    gauge.reset();
    for (const { name: kind, jobs } of waiting) gauge.set({ kind }, jobs);
  };
  return {
    watch(read: () => Promise<Waiting>): void {
      timer = setInterval(() => void look(read), LOOK_MS);
      timer.unref();
    },
    unwatch: (): void => clearInterval(timer),
  };
};

export const createJobMetrics = (registry: Registry) => {
  const registers = [registry];
  const seconds = new Histogram({
    name: 'veza_job_duration_seconds',
    help: 'Time that jobs ran, by kind',
    labelNames: ['kind'],
    buckets: RUN_SECONDS,
    registers,
  });
  const ended = new Counter({
    name: 'veza_jobs_total',
    help: 'Jobs that ended, by kind and outcome',
    labelNames: ['kind', 'outcome'],
    registers,
  });
  const waiting = new Gauge({
    name: 'veza_jobs_waiting',
    help: 'Jobs that wait to be run, by kind',
    labelNames: ['kind'],
    registers,
  });
  return {
    ...watchWaiting(waiting),
    async run(
      { kind, signal }: { kind: string; signal: AbortSignal },
      work: () => Promise<void>,
    ): Promise<void> {
      const stop = seconds.startTimer({ kind });
      try {
        await work();
        ended.inc({ kind, outcome: 'done' });
      } catch (fault) {
        ended.inc({ kind, outcome: outcomeOf(signal) });
        throw fault;
      } finally {
        stop();
      }
    },
  };
};

export type JobMetrics = ReturnType<typeof createJobMetrics>;
