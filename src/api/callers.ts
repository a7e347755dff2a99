import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Actor, Origin } from '#kernel/actor.ts';
import { refusal, sharedErrors } from '#kernel/errors.ts';
import type { Identification, RefusalLog } from './context.ts';

export const tokenErrors = {
  expired: refusal('unauthenticated', 'TOKEN_EXPIRED', 'The access token has expired'),
};

type Verified = Awaited<ReturnType<Identification['verify']>>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls: known from the authentication stage on. */
    actor: Actor;
    /** The token's signature, checked before rates are counted; undefined without a token. */
    verified: Verified | undefined;
  }
  interface FastifyContextConfig {
    /** Answers anyone alike: neither counted nor asked who they are. */
    open?: boolean;
  }
}

const stranger: Actor = { type: 'stranger' };

const MOST_AGENT = 512;

export const originOf = (req: FastifyRequest): Origin => ({
  ip_address: req.ip,
  user_agent: (req.headers['user-agent'] ?? '').slice(0, MOST_AGENT),
  request_id: req.id,
});

/** RFC 6750 §2.1. Anything else in the field is a credential that is not accepted, never no credential. */
const bearerIn = (authorization: string): string =>
  /^bearer +(\S+)$/i.exec(authorization)?.[1] ?? '';

const refuse = (reply: FastifyReply, req: FastifyRequest, refused: RefusalLog): never => {
  reply.header('www-authenticate', 'Bearer error="invalid_token"');
  const verified = req.verified;
  if (verified && 'rejected' in verified && verified.rejected === 'expired')
    throw tokenErrors.expired();
  if (verified && 'rejected' in verified && verified.rejected === 'forged')
    refused.note({
      event_type: 'intrusion_attempt',
      user_id: null,
      origin: originOf(req),
      details: { reason: 'forged_token' },
    });
  throw sharedErrors.unauthenticated({ message: 'The access token is not valid' });
};

type Settings = { identification: Identification; refused: RefusalLog };

/**
 * Two stages: the token's signature when the request arrives, so that rates are counted against its user;
 * the session behind it before the body is read. A token that is present but bad is refused everywhere.
 */
export const callers = fp<Settings>(
  async (app, { identification, refused }) => {
    app.decorateRequest('verified', undefined);
    app.decorateRequest('actor', null as never);

    app.addHook('onRequest', (req, _reply, done) => {
      const { authorization } = req.headers;
      if (authorization === undefined || req.routeOptions.config.open) return done();
      const goOn = (verified: Verified): void => {
        req.verified = verified;
        done();
      };
      const verified = identification.verify(bearerIn(authorization));
      // The promise is not returned: Fastify would go on a second time when it resolves.
      if (verified instanceof Promise) void verified.then(goOn, done);
      else goOn(verified);
    });

    app.addHook('preParsing', async (req, reply) => {
      app.secure(reply);
      const { verified } = req;
      if (verified === undefined) {
        req.actor = stranger;
        return;
      }
      const found = 'claims' in verified ? identification.memberOf(verified.claims) : undefined;
      req.actor = (found instanceof Promise ? await found : found) ?? refuse(reply, req, refused);
    });
  },
  { name: 'callers', dependencies: ['security-headers'], fastify: '5.x' },
);
