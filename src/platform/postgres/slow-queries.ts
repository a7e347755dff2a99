import type { QueryEnded } from './pool.ts';

type Runner = { query(text: string): Promise<{ rows: unknown[] }> };
type Settings = {
  slow_ms: number;
  log: { warn(facts: object, said: string): void };
};

const PLAN_EVERY_MS = 60_000;

/** Logs slow statements by name and, once a minute for each name, how the server would run it. */
export const watchSlowQueries = ({ slow_ms, log }: Settings) => {
  const explained = new Map<string, number>();

  const explain = async ({ name, text }: QueryEnded, runner: Runner): Promise<void> => {
    const time = performance.now();
    if (!/^select/i.test(text) || time - (explained.get(name) ?? -Infinity) < PLAN_EVERY_MS) return;
    explained.set(name, time);
    const { rows } = await runner.query(`explain (generic_plan) ${text}`);
    const plan = rows.flatMap((row) => Object.values(row as object)).join('\n');
    log.warn({ query: name, plan }, 'plan of a slow query');
  };

  return {
    note(query: QueryEnded, runner: Runner): void {
      if (query.duration_ms < slow_ms) return;
      log.warn({ query: query.name, duration_ms: Math.round(query.duration_ms) }, 'slow query');
      // Before PostgreSQL 16 there is no generic plan: the log line has to do.
      if (!query.failed) explain(query, runner).catch(() => undefined);
    },
  };
};
