import type { KindSettings } from './entry.ts';

export type Lifetime = { fresh_ms: number; life_ms: number };

type Bounds = Pick<KindSettings<never>, 'floor_ms' | 'ceiling_ms' | 'stale_ms'>;

/** So many reads of a value take it half-way from the floor to the ceiling. */
const HALF_WAY_HITS = 20;
const MOST_JITTER = 0.1;

/** Entries that began together do not end together. */
const jittered = (ms: number): number => ms * (1 - MOST_JITTER * Math.random());

/** How long a value lives that was read so often in its life before. */
export const lifetimeOf = (
  { floor_ms, ceiling_ms, stale_ms = 0 }: Bounds,
  hits: number,
): Lifetime => {
  const share = hits / (hits + HALF_WAY_HITS);
  const life_ms = jittered(floor_ms + (ceiling_ms - floor_ms) * share);
  return { life_ms, fresh_ms: Math.max(life_ms - stale_ms, Math.min(life_ms, floor_ms)) };
};
