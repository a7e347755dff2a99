import type { Action } from './rule.ts';

export type Strike = { weight: number; at: string };

type Rung = {
  /** The sum of strikes, as decayed when the last of them fell, from which it holds. */
  from: number;
  action: Extract<Action, 'warn' | 'mute' | 'ban'>;
  /** Counted from the strike that reached it; null: until the sum has fallen to half of `from`. */
  minutes: number | null;
};

/** How strikes add up and what follows from them: data, so that it can be set. */
export type StrikePolicy = {
  half_life_days: number;
  /** What a decision adds. */
  weights: Readonly<Record<Action, number>>;
  /** From the mildest to the hardest; between whole numbers, so that strikes some days apart add up, too. */
  ladder: readonly Rung[];
};

export const defaultStrikePolicy: StrikePolicy = {
  half_life_days: 14,
  weights: { allow: 0, warn: 0.5, censor: 0, hold: 0, block: 1, mute: 2, ban: 8 },
  ladder: [
    { from: 0.5, action: 'warn', minutes: null },
    { from: 2.5, action: 'mute', minutes: 10 },
    { from: 4.5, action: 'mute', minutes: 24 * 60 },
    { from: 7.5, action: 'ban', minutes: null },
  ],
};

/** Where a user stands: what holds now, and until when if that is known. */
export type Standing = {
  score: number;
  action: Extract<Action, 'allow' | 'warn' | 'mute' | 'ban'>;
  until: string | null;
};

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** After so many half-lives a strike weighs less than a thousandth. */
const FORGOTTEN_AFTER = 10;

export const rememberedSince = ({ half_life_days }: StrikePolicy, now: Date): Date =>
  new Date(now.getTime() - FORGOTTEN_AFTER * half_life_days * DAY_MS);

/** Each strike halves with every half-life that has passed. */
export const scoreOf = (
  strikes: readonly Strike[],
  { half_life_days }: Pick<StrikePolicy, 'half_life_days'>,
  now: Date,
): number => {
  const halvings = (at: string): number =>
    Math.max(0, now.getTime() - Date.parse(at)) / (half_life_days * DAY_MS);
  return strikes.reduce((sum, { weight, at }) => sum + weight * 2 ** -halvings(at), 0);
};

const rounded = (score: number): number => Math.round(score * 1000) / 1000;

type Reached = { score: number; at_ms: number };

/** How high the sum stood after each strike. */
const reachedBy = (strikes: readonly Strike[], policy: StrikePolicy): Reached[] => {
  const sorted = strikes.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return sorted.map(({ at }, last) => ({
    score: rounded(scoreOf(sorted.slice(0, last + 1), policy, new Date(at))),
    at_ms: Date.parse(at),
  }));
};

/** Until when a rung holds that was reached; undefined when it holds no more. */
const holdsUntil = (
  { from, minutes }: Rung,
  reached: readonly Reached[],
  { score, now }: { score: number; now: Date },
): { until: string | null } | undefined => {
  const last = reached.findLast((each) => each.score >= from);
  if (!last) return undefined;
  if (minutes === null) return score > from / 2 ? { until: null } : undefined;
  const until_ms = last.at_ms + minutes * MINUTE_MS;
  return until_ms > now.getTime() ? { until: new Date(until_ms).toISOString() } : undefined;
};

/** The hardest rung that holds. */
export const standingOf = (
  strikes: readonly Strike[],
  policy: StrikePolicy,
  now: Date,
): Standing => {
  const score = rounded(scoreOf(strikes, policy, now));
  const reached = reachedBy(strikes, policy);
  for (const rung of policy.ladder.toReversed()) {
    const holds = holdsUntil(rung, reached, { score, now });
    if (holds) return { score, action: rung.action, ...holds };
  }
  return { score, action: 'allow', until: null };
};
