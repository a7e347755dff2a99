import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { originOf } from './callers.ts';
import type { RefusalLog } from './context.ts';
import { networkOf } from './networks.ts';
import type { CallCounter } from './rate-limits.ts';

type Settings = { counter: CallCounter; refused: RefusalLog };

/** Somebody who finds nothing this often is trying doors. */
const PROBING = { rate: 30, period_ms: 60_000, burst: 30 };

/** Dots that would climb out of a folder, as they are or percent-encoded, once or twice. */
const climbs = /(?:^|[/\\]|%(?:25)?(?:2f|5c))(?:\.|%(?:25)?2e){2}(?:$|[/\\?]|%(?:25)?(?:2f|5c))/i;

const isForeign = ({ headers }: FastifyRequest, reply: FastifyReply): boolean =>
  headers.origin !== undefined && !reply.hasHeader('access-control-allow-origin');

const callerOf = ({ actor, ip }: FastifyRequest): string =>
  actor?.type === 'member' ? `user:${actor.user_id}` : networkOf(ip);

/** What an answered request looks like by itself to someone who watches for break-ins; mostly like nothing. */
const reasonOf = (req: FastifyRequest, reply: FastifyReply): string | undefined => {
  if (climbs.test(req.url)) return 'path_traversal';
  return isForeign(req, reply) ? 'foreign_origin' : undefined;
};

/** Tells the audit of requests that were harmless only because they were refused or found nothing. */
export const intrusions = fp<Settings>(
  async (app, { counter, refused }) => {
    const note = (req: FastifyRequest, reason: string): void =>
      refused.note({
        event_type: 'intrusion_attempt',
        user_id: req.actor?.type === 'member' ? req.actor.user_id : null,
        origin: originOf(req),
        details: { reason },
      });
    const countMiss = (req: FastifyRequest): void => {
      const probing = ({ allowed }: { allowed: boolean }): void => {
        if (!allowed) note(req, 'repeated_probing');
      };
      const taken = counter.take(`probing:${callerOf(req)}`, PROBING);
      // Nobody waits for this count, and nobody is refused by it: where it cannot be had, it is left out.
      if (taken instanceof Promise) taken.then(probing, () => undefined);
      else probing(taken);
    };
    app.addHook('onResponse', (req, reply, done) => {
      const reason = reasonOf(req, reply);
      if (reason) note(req, reason);
      else if (reply.statusCode === 404) countMiss(req);
      done();
    });
  },
  { name: 'intrusions', dependencies: ['callers'], fastify: '5.x' },
);
