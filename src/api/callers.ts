import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Actor, Origin } from '#kernel/actor.ts';
import { type DomainError, refusal, sharedErrors } from '#kernel/errors.ts';
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

const refusalOf = (reply: FastifyReply, req: FastifyRequest, refused: RefusalLog): DomainError => {
  reply.header('www-authenticate', 'Bearer error="invalid_token"');
  const verified = req.verified;
  if (verified && 'rejected' in verified && verified.rejected === 'expired')
    return tokenErrors.expired();
  if (verified && 'rejected' in verified && verified.rejected === 'forged')
    refused.note({
      event_type: 'intrusion_attempt',
      user_id: null,
      origin: originOf(req),
      details: { reason: 'forged_token' },
    });
  return sharedErrors.unauthenticated({ message: 'The access token is not valid' });
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

    // oxlint-disable-next-line max-params -- the signature is Fastify's; a promise would cost every request
    app.addHook('preParsing', (req, reply, _payload, done) => {
      app.secure(reply);
      const goOn = (found: Actor | undefined): void => {
        if (!found) return done(refusalOf(reply, req, refused));
        req.actor = found;
        done();
      };
      const { verified } = req;
      if (verified === undefined) return goOn(stranger);
      const found = 'claims' in verified ? identification.memberOf(verified.claims) : undefined;
      if (found instanceof Promise) void found.then(goOn, done);
      else goOn(found);
    });
  },
  { name: 'callers', dependencies: ['security-headers'], fastify: '5.x' },
);
