import { LRUCache } from 'lru-cache';
import type { RateLimit } from './settings.ts';

export type Taken = {
  allowed: boolean;
  /** Calls that a rested key may make at once. */
  limit: number;
  remaining: number;
  /** Until the bucket is full again. */
  reset_ms: number;
  /** Until the next call is allowed; zero when this one was. */
  retry_ms: number;
};

export interface RateLimiter {
  /** Takes one call from the bucket of `key`, or refuses it and takes nothing. */
  take(key: string, limit: RateLimit): Taken;
}

/** A limiter that can tell of a bucket, and be told. */
export interface MemoryRateLimiter extends RateLimiter {
  /** Until the bucket of `key` is full, as far as this process knows. */
  resetOf(key: string): number;
  learn(key: string, reset_ms: number): void;
}

const MOST_KEYS = 200_000;

/** Of an interval: sums of times are not exact, and the less so the longer the process runs. */
const ROUNDING = 1e-4;

/** Limits in this process: generic cell rate algorithm (ITU-T I.371), one number a key. */
export const createMemoryRateLimiter = (
  now: () => number = () => performance.now(),
): MemoryRateLimiter => {
  /** Theoretical arrival time: when the bucket will be full again. */
  const fullAt = new LRUCache<string, number>({ max: MOST_KEYS });
  return {
    resetOf: (key) => Math.max(0, (fullAt.get(key) ?? 0) - now()),
    learn: (key, reset_ms) => void fullAt.set(key, now() + reset_ms),
    take(key, { rate, period_ms, burst }) {
      const time = now();
      const interval = period_ms / rate;
      const start = Math.max(fullAt.get(key) ?? time, time);
      const next = start + interval;
      const retry_ms = next - time - burst * interval;
      if (retry_ms > interval * ROUNDING)
        return { allowed: false, limit: burst, remaining: 0, reset_ms: start - time, retry_ms };
      fullAt.set(key, next);
      const reset_ms = next - time;
      const remaining = Math.max(0, Math.floor(burst - reset_ms / interval + ROUNDING));
      return { allowed: true, limit: burst, remaining, reset_ms, retry_ms: 0 };
    },
  };
};
