import { remainingMs } from '#kernel/deadline.ts';
import { sharedErrors } from '#kernel/errors.ts';

/** Timers of one length share a list. */
const STEP_MS = 50;

/** A load has its own time, since others wait for it, too; who waits keeps the deadline of their request. */
export const untilDeadline = async <V>(
  loading: Promise<V>,
  load_timeout_ms: number,
): Promise<V> => {
  const left = remainingMs(load_timeout_ms);
  if (left === load_timeout_ms) return loading;
  const late = Promise.withResolvers<never>();
  const giveUp = () =>
    late.reject(
      sharedErrors.unavailable({
        retry_after_seconds: 1,
        cause: new Error('The deadline of the request has passed'),
      }),
    );
  const timer = setTimeout(giveUp, Math.ceil(left / STEP_MS) * STEP_MS);
  try {
    return await Promise.race([loading, late.promise]);
  } finally {
    clearTimeout(timer);
  }
};
