import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Actor, Origin } from '#kernel/actor.ts';
import { withDeadline } from '#kernel/deadline.ts';
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
    /** How long it took to learn who calls: so much less is left for the call itself. */
    waited_ms: number;
  }
  interface FastifyContextConfig {
    /** Answers anyone alike: neither counted nor asked who they are. */
    open?: boolean;
  }
}

const stranger: Actor = { type: 'stranger' };

const MOST_AGENT = 512;

export const shortAgent = (user_agent: string): string => user_agent.slice(0, MOST_AGENT);

export const originOf = (req: FastifyRequest): Origin => ({
  ip_address: req.ip,
  user_agent: shortAgent(req.headers['user-agent'] ?? ''),
  request_id: req.id,
});

/** RFC 6750 §2.1. Anything else in the field is a credential that is not accepted. */
export const bearerIn = (authorization: string): string =>
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

type Settings = {
  identification: Identification;
  refused: RefusalLog;
  /** What one call may wait for, in all. */
  timeout_ms: number;
};

/**
 * Two stages: the token's signature when the request arrives, so that rates are counted against its user;
 * the session behind it before the body is read. A token that is present but bad is refused everywhere.
 */
export const callers = fp<Settings>(
  async (app, { identification, refused, timeout_ms }) => {
    app.decorateRequest('verified', undefined);
    app.decorateRequest('actor', null as never);
    app.decorateRequest('waited_ms', 0);

    app.addHook('onRequest', (req, _reply, done) => {
      const { authorization } = req.headers;
      if (authorization === undefined || req.routeOptions.config.open) return done();
      // The reference page sends the scheme alone when its reader has filled in no token.
      if (/^bearer\s*$/i.test(authorization)) return done();
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
      if ('rejected' in verified) return goOn(undefined);
      const began = performance.now();
      const found = withDeadline(timeout_ms, () => identification.memberOf(verified.claims));
      if (!(found instanceof Promise)) return goOn(found);
      void found.then((member) => {
        req.waited_ms = performance.now() - began;
        return goOn(member);
      }, done);
    });
  },
  { name: 'callers', dependencies: ['security-headers'], fastify: '5.x' },
);
