import type { DailyMeasure } from './measure.ts';

export type Days = { since: string; until: string };

export interface MeasureReads {
  /** Both days included; by day and measure, without those of which nothing happened. */
  findManyByDay(days: Days): Promise<DailyMeasure[]>;
}

export interface MeasureWrites {
  /** Adds to what the day has. */
  add(more: DailyMeasure): Promise<void>;
}
