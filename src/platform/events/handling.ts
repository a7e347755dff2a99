import { withDeadline } from '#kernel/deadline.ts';
import { databaseUnavailable } from '../postgres/failures.ts';

/** Less than a transaction may idle (`platform/postgres/pool.ts`). */
const HANDLER_MS = 5000;

/**
 * Ends when `work` does, or when its time is up. What goes on after that can do no harm: the fault is of the
 * kind that has the transaction's connection closed.
 */
export const handleInTime = async (work: () => Promise<void>, ms = HANDLER_MS): Promise<void> => {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(databaseUnavailable(new Error(`Not done within ${ms} ms`))),
    ms,
  );
  try {
    await Promise.race([withDeadline(ms, work), late.promise]);
  } finally {
    clearTimeout(timer);
  }
};
