import { sharedErrors } from '#kernel/errors.ts';
import type { MemoryRateLimiter, Taken } from '../rate-limiter.ts';
import type { RateLimit } from '../settings.ts';
import type { Redis, Reply } from './redis.ts';

/**
 * The same algorithm as in memory, on the server's clock, for any number of buckets in turn. Times are in
 * microseconds since 2023, which numbers in Lua hold to a fraction. A bucket that the server knows nothing of, or
 * much less than a process, is as full as that process says: what a server forgot gives nobody a fresh burst.
 */
const TAKE = `
local time = redis.call('TIME')
local now = (time[1] - 1700000000) * 1000000 + time[2]
local answers = {}
for n, key in ipairs(KEYS) do
  local interval, burst, known = tonumber(ARGV[3 * n - 2]), tonumber(ARGV[3 * n - 1]), tonumber(ARGV[3 * n])
  local start = math.max(tonumber(redis.call('GET', key) or now), now)
  if now + known > start + 1000000 then start = now + known end
  local full = start + interval
  local retry = full - now - burst * interval
  if retry > math.max(interval * 0.0001, 1) then
    full = start
    answers[n] = { 0, 0, math.ceil(full - now), math.ceil(retry) }
  else
    local left = math.max(0, math.floor(burst - (full - now) / interval + 0.0001))
    answers[n] = { 1, left, math.ceil(full - now), 0 }
  end
  redis.call('SET', key, string.format('%.17g', full), 'PX', math.max(1, math.ceil((full - now) / 1000)))
end
return answers`;

type Asked = {
  key: string;
  limit: RateLimit;
  settle: (taken: Taken) => void;
  fail: (fault: unknown) => void;
};

const US_PER_MS = 1000;

const takenOf = (reply: Reply | undefined, { burst }: RateLimit): Taken => {
  const [allowed, remaining, reset_us, retry_us] = reply as [number, number, number, number];
  return {
    allowed: allowed === 1,
    limit: burst,
    remaining,
    reset_ms: reset_us / US_PER_MS,
    retry_ms: retry_us / US_PER_MS,
  };
};

type Settings = {
  redis: Redis;
  /** Counts for this process alone while there is no Redis; kept as full as the shared buckets meanwhile. */
  memory: MemoryRateLimiter;
  /** Whether memory may answer. Otherwise nobody is let in without Redis. */
  falls_back: boolean;
};

const PREFIX = 'veza:limit:';
/** Arguments that one script is given at most; Lua takes some thousands. */
const MOST_AT_ONCE = 500;

/** Limits that the processes of one service share. */
export const createSharedRateLimiter = ({ redis, memory, falls_back }: Settings) => {
  let asked: Asked[] = [];

  const alone = ({ key, limit, settle, fail }: Asked): void => {
    if (falls_back) settle(memory.take(key, limit));
    else fail(sharedErrors.unavailable({ retry_after_seconds: 1 }));
  };

  const ask = async (batch: readonly Asked[]): Promise<void> => {
    const replies = await redis.run({
      lua: TAKE,
      keys: batch.map(({ key }) => `${PREFIX}${key}`),
      args: batch.flatMap(({ key, limit: { rate, period_ms, burst } }) => [
        (period_ms * US_PER_MS) / rate,
        burst,
        memory.resetOf(key) * US_PER_MS,
      ]),
    });
    for (const [index, one] of batch.entries()) {
      if (!Array.isArray(replies)) {
        alone(one);
        continue;
      }
      const taken = takenOf(replies[index], one.limit);
      memory.learn(one.key, taken.reset_ms);
      one.settle(taken);
    }
  };

  /** What has arrived together is asked together. */
  const askAll = (): void => {
    const all = asked;
    asked = [];
    for (let first = 0; first < all.length; first += MOST_AT_ONCE)
      void ask(all.slice(first, first + MOST_AT_ONCE));
  };

  return {
    take: (key: string, limit: RateLimit): Taken | Promise<Taken> => {
      if (falls_back && !redis.isUp()) return memory.take(key, limit);
      return new Promise((settle, fail) => {
        asked.push({ key, limit, settle, fail });
        if (asked.length === 1) setImmediate(askAll);
      });
    },
  };
};
