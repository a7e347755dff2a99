import { AsyncLocalStorage } from 'node:async_hooks';
import { sharedErrors } from './errors.ts';

type Scope = { deadline: number; signal: AbortSignal | undefined };

const scopes = new AsyncLocalStorage<Scope>();

/** Everything that `work` waits for shares one deadline, `ms` from now, and is given up when `signal` is aborted. */
export const withDeadline = <T>(ms: number, work: () => T, signal?: AbortSignal): T =>
  scopes.run({ deadline: performance.now() + ms, signal }, work);

/** Whole milliseconds that are left of the current deadline, at most `most`; zero when it has passed or the work was given up. */
export const remainingMs = (most: number): number => {
  const scope = scopes.getStore();
  if (scope === undefined) return most;
  if (scope.signal?.aborted) return 0;
  return Math.ceil(Math.max(0, Math.min(most, scope.deadline - performance.now())));
};

/** SERVICE_UNAVAILABLE as soon as the current work is given up, whether or not `pending` ever settles. */
export const unlessGivenUp = async <T>(pending: Promise<T>): Promise<T> => {
  const signal = scopes.getStore()?.signal;
  if (signal === undefined) return pending;
  const stopped = Promise.withResolvers<never>();
  const stop = (): void => stopped.reject(sharedErrors.unavailable({ cause: signal.reason }));
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([pending, stopped.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
};
