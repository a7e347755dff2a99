import { sharedErrors } from '#kernel/errors.ts';

/** What is counted by day. */
export const measures = [
  'registrations',
  'logins',
  /** Amount: bytes. */
  'uploads',
  /** Amount: bytes. */
  'removals',
  /** Amount: seconds of audio. */
  'tracks_ready',
  'tracks_failed',
  'plays',
] as const;
export type Measure = (typeof measures)[number];

/** How often something happened on a day, and how much it came to. */
export type DailyMeasure = {
  /** UTC, like `2026-01-15`. */
  day: string;
  measure: Measure;
  total: number;
  amount: number;
};

export const analyticsErrors = { forbidden: sharedErrors.forbidden };
