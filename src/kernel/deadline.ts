import { AsyncLocalStorage } from 'node:async_hooks';

const deadlines = new AsyncLocalStorage<number>();

/** Everything that `work` waits for shares one deadline, `ms` from now. */
export const withDeadline = <T>(ms: number, work: () => T): T =>
  deadlines.run(performance.now() + ms, work);

/** Whole milliseconds that are left of the current deadline, at most `most`; zero when it has passed. */
export const remainingMs = (most: number): number => {
  const deadline = deadlines.getStore();
  if (deadline === undefined) return most;
  return Math.ceil(Math.max(0, Math.min(most, deadline - performance.now())));
};
