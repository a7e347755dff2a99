import rateLimit from '@fastify/rate-limit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { sharedErrors } from '#kernel/errors.ts';
import type { LimitName } from '#kernel/route.ts';
import { originOf } from './callers.ts';
import type { RefusalLog } from './context.ts';
import { networkOf } from './networks.ts';

type Limit = { rate: number; period_ms: number; burst: number };
type Taken = {
  allowed: boolean;
  limit: number;
  remaining: number;
  reset_ms: number;
  retry_ms: number;
};

/** Where calls are counted; answers at once unless it has to ask somebody. */
export interface CallCounter {
  take(key: string, limit: Limit): Taken | Promise<Taken>;
}

export type Limits = Record<LimitName | 'stranger' | 'member' | 'service', Limit>;

type Settings = { counter: CallCounter; limits: Limits; refused: RefusalLog };

declare module 'fastify' {
  interface FastifyInstance {
    /** Counts one more call of this request, against its caller's bucket or one that is named. */
    spend: (
      req: FastifyRequest,
      reply: FastifyReply,
      bucket?: { name: LimitName; subject: string },
    ) => void | Promise<void>;
  }
}

/** `member:12`, or `stranger:` and a network. */
const callerKey = ({ verified, ip }: FastifyRequest): string =>
  verified && 'claims' in verified
    ? `member:${verified.claims.user_id}`
    : `stranger:${networkOf(ip)}`;

const bucketOf = (key: string): keyof Limits => key.slice(0, key.indexOf(':')) as keyof Limits;

export const tooMany = (bucket: string, retry_ms: number) =>
  sharedErrors.rateLimited({
    details: [{ field: 'bucket', message: bucket }],
    retry_after_seconds: Math.ceil(retry_ms / 1000),
  });

type Counted = { current: number; ttl: number };

/** What is over the limit is told by `current`. */
const countedOf = ({ allowed, limit, remaining, reset_ms, retry_ms }: Taken): Counted =>
  allowed ? { current: limit - remaining, ttl: reset_ms } : { current: limit + 1, ttl: retry_ms };

/** The plugin's store protocol, answered from our counter. */
const storeOf = ({ counter, limits }: Settings) =>
  class {
    incr(key: string, done: (fault: Error | null, counted?: Counted) => void): void {
      const taken = counter.take(key, limits[bucketOf(key)]);
      if (taken instanceof Promise) taken.then((late) => done(null, countedOf(late)), done);
      else done(null, countedOf(taken));
    }
    child() {
      return this;
    }
  };

type Spent = { key: string; isNamed: boolean; taken: Taken };

export const rateLimits = fp<Settings>(
  async (app, settings) => {
    const { counter, limits, refused } = settings;
    const noteRefusal = (req: FastifyRequest, key: string): void =>
      refused.note({
        event_type: 'rate_limit_exceeded',
        user_id: req.verified && 'claims' in req.verified ? req.verified.claims.user_id : null,
        origin: originOf(req),
        details: { bucket: bucketOf(key) },
      });

    await app.register(rateLimit, {
      hook: 'onRequest',
      enableDraftSpec: true,
      keyGenerator: callerKey,
      max: (_req, key) => limits[bucketOf(key)].burst,
      store: storeOf(settings),
      allowList: (req) => req.routeOptions.config.open === true,
      onExceeded: noteRefusal,
      errorResponseBuilder: (req, { ttl }) => tooMany(bucketOf(callerKey(req)), ttl),
    });

    // The plugin counts the calls of routes only.
    const countUnrouted = app.rateLimit().bind(app);
    app.addHook('onRequest', (req, reply, done) => {
      if (!req.is404) return done();
      Promise.resolve(countUnrouted(req, reply)).then(() => done(), done);
    });

    const settle = (req: FastifyRequest, reply: FastifyReply, spent: Spent): void => {
      const { key, isNamed, taken } = spent;
      const { allowed, limit, remaining, reset_ms, retry_ms } = taken;
      if (allowed && isNamed) return;
      reply.headers({
        'ratelimit-limit': limit,
        'ratelimit-remaining': remaining,
        'ratelimit-reset': Math.ceil((allowed ? reset_ms : retry_ms) / 1000),
      });
      if (allowed) return;
      noteRefusal(req, key);
      throw tooMany(bucketOf(key), retry_ms);
    };
    app.decorate('spend', (req, reply, bucket) => {
      const key = bucket ? `${bucket.name}:${bucket.subject}` : callerKey(req);
      const isNamed = bucket !== undefined;
      const taken = counter.take(key, limits[bucketOf(key)]);
      if (!(taken instanceof Promise)) return settle(req, reply, { key, isNamed, taken });
      return taken.then((late) => settle(req, reply, { key, isNamed, taken: late }));
    });
  },
  { name: 'rate-limits', dependencies: ['callers'], fastify: '5.x' },
);
