import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryRateLimiter } from '#platform/rate-limiter.ts';
import type { RateLimit } from '#platform/settings.ts';

const perMinute: RateLimit = { rate: 60, period_ms: 60_000, burst: 10 };

const limiterAt = (start = 0) => {
  let time = start;
  const limiter = createMemoryRateLimiter(() => time);
  return {
    take: (key: string, limit: RateLimit) => limiter.take(key, limit),
    pass: (ms: number) => {
      time += ms;
    },
  };
};

const takeAll = (times: number, take: () => { allowed: boolean }): boolean[] =>
  Array.from({ length: times }, () => take().allowed);

describe('the limiter', () => {
  it('allows the burst at once, then the rate', () => {
    const { take, pass } = limiterAt();
    expect(takeAll(11, () => take('a', perMinute))).toEqual([...Array(10).fill(true), false]);
    pass(999);
    expect(take('a', perMinute).allowed).toBe(false);
    pass(1);
    expect(takeAll(2, () => take('a', perMinute))).toEqual([true, false]);
    pass(60_000);
    expect(takeAll(11, () => take('a', perMinute))).toEqual([...Array(10).fill(true), false]);
  });

  it('tells what is left, when it is full again, and when to come back', () => {
    const { take, pass } = limiterAt(1e9);
    expect(take('a', perMinute)).toEqual({
      allowed: true,
      limit: 10,
      remaining: 9,
      reset_ms: 1000,
      retry_ms: 0,
    });
    for (let turn = 0; turn < 9; turn += 1) take('a', perMinute);
    pass(250);
    expect(take('a', perMinute)).toEqual({
      allowed: false,
      limit: 10,
      remaining: 0,
      reset_ms: 9750,
      retry_ms: 750,
    });
  });

  it('takes nothing from whom it refuses', () => {
    const { take, pass } = limiterAt();
    for (let turn = 0; turn < 1000; turn += 1) take('a', perMinute);
    pass(1000);
    expect(take('a', perMinute).allowed).toBe(true);
  });

  it('tells what is left to the last call, however long the process has run', () => {
    for (const start of [0, 1024, 123_456.789, 1e9 + 0.1]) {
      const { take } = limiterAt(start);
      const perSecond = { rate: 18, period_ms: 1000, burst: 3 };
      const told = [1, 2, 3].map(() => take('a', perSecond).remaining);
      expect([told, take('a', perSecond).allowed]).toEqual([[2, 1, 0], false]);
    }
  });

  it('counts each key by itself', () => {
    const { take } = limiterAt();
    takeAll(11, () => take('a', perMinute));
    expect(take('b', perMinute).remaining).toBe(9);
  });

  it('keeps on limiting when the clock jumps back', () => {
    const { take, pass } = limiterAt(1e9);
    takeAll(10, () => take('a', perMinute));
    pass(-3_600_000);
    expect(take('a', perMinute).allowed).toBe(false);
  });
});

const limit = fc.record({
  rate: fc.integer({ min: 1, max: 1000 }),
  period_ms: fc.integer({ min: 1000, max: 3_600_000 }),
  burst: fc.integer({ min: 1, max: 200 }),
});
const pauses = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 1, maxLength: 100 });

describe('whatever the limit and the pauses', () => {
  /** One limiter, since it makes room for many keys; each run has a key of its own. */
  const { take, pass } = limiterAt(1024.1);
  let runs = 0;
  const newKey = (): string => {
    runs += 1;
    return String(runs);
  };

  it('no span of time allows more than the burst and what its rate gives', () => {
    fc.assert(
      fc.property(limit, pauses, (rule, waits) => {
        const key = newKey();
        const allowedAt: number[] = [];
        let time = 0;
        for (const wait of waits) {
          pass(wait);
          time += wait;
          if (take(key, rule).allowed) allowedAt.push(time);
        }
        const interval = rule.period_ms / rule.rate;
        const excess = allowedAt.flatMap((from, first) =>
          allowedAt.slice(first).map((at, count) => count + 1 - (at - from) / interval),
        );
        expect(excess.every((calls) => calls <= rule.burst + 0.01)).toBe(true);
      }),
    );
  });

  it('what it tells is true: as many as remain are allowed, and one after the wait it names', () => {
    fc.assert(
      fc.property(limit, pauses, (rule, waits) => {
        const key = newKey();
        const again = () => take(key, rule);
        let remaining = rule.burst;
        for (const wait of waits) {
          pass(wait);
          ({ remaining } = again());
        }
        expect(takeAll(remaining, again).every(Boolean)).toBe(true);
        const refused = again();
        expect([refused.allowed, refused.retry_ms > 0]).toEqual([false, true]);
        pass(refused.retry_ms);
        expect(again().allowed).toBe(true);
        pass(again().reset_ms);
        expect(again().remaining).toBe(rule.burst - 1);
      }),
    );
  });
});
