import { createHash, timingSafeEqual } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import type { Actor, Origin } from '#kernel/actor.ts';
import { refusal, sharedErrors } from '#kernel/errors.ts';
import { bearerIn, tokenErrors } from '../callers.ts';
import type { Identification, RefusalLog, TokenClaims } from '../context.ts';
import { networkOf } from '../networks.ts';
import { type CallCounter, type Limits, tooMany } from '../rate-limits.ts';
import type { GrpcCaller, GrpcContext } from './context.ts';
import type { CallFacts } from './observed.ts';

export type AdmissionSettings = {
  identification: Identification;
  counter: CallCounter;
  limits: Limits;
  refused: RefusalLog;
  /** Services by name, and what they show. */
  services: readonly { name: string; secret: string }[];
  /** Whether every connection has a client certificate that was verified. */
  certified: boolean;
};

const servicesOnly = refusal('forbidden', 'FORBIDDEN', 'This is for services');
const stranger: Actor = { type: 'stranger' };

const digest = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** The one value of a field; whoever sends two is understood by nobody. */
const single = (metadata: Metadata, field: string): string | undefined => {
  const [first, ...others] = metadata.get(field);
  if (first === undefined) return undefined;
  return others.length === 0 ? String(first) : '';
};

/** Names the service whose secret it is; compared by digest, each in constant time. */
const serviceNamer = (services: AdmissionSettings['services']) => {
  const known = services.map(({ name, secret }) => ({ name, digest: digest(secret) }));
  return (given: string): string | undefined => {
    const shown = digest(given);
    return known.find((service) => timingSafeEqual(service.digest, shown))?.name;
  };
};

const commonNameOf = ({ base }: CallFacts): string | undefined => {
  const name = base.getAuthContext().sslPeerCertificate?.subject.CN;
  return Array.isArray(name) ? name[0] : name;
};

type Verified = Awaited<ReturnType<Identification['verify']>>;

const bucketOf = (
  service: string | undefined,
  verified: Verified | undefined,
  address: string,
): { name: keyof Limits; key: string } => {
  if (service) return { name: 'service', key: `service:${service}` };
  if (verified && 'claims' in verified)
    return { name: 'member', key: `member:${verified.claims.user_id}` };
  return { name: 'stranger', key: `stranger:${networkOf(address)}` };
};

const assertFor = (caller: GrpcCaller, { actor, service }: GrpcContext): void => {
  if (caller !== 'service' && actor.type === 'member') return;
  if (caller !== 'member' && service !== undefined) return;
  if (caller === 'service' && actor.type === 'member') throw servicesOnly();
  throw sharedErrors.unauthenticated();
};

type Settings = AdmissionSettings;

const forged = ({ refused }: Settings, origin: Origin, reason: string): Error => {
  refused.note({ event_type: 'intrusion_attempt', user_id: null, origin, details: { reason } });
  return sharedErrors.unauthenticated({ message: 'The credentials are not valid' });
};

type Shown = { service: string | undefined; verified: Verified | undefined; origin: Origin };

const count = async (
  { counter, limits, refused }: Settings,
  { service, verified, origin }: Shown,
): Promise<void> => {
  const { name, key } = bucketOf(service, verified, origin.ip_address);
  const { allowed, retry_ms } = await counter.take(key, limits[name]);
  if (allowed) return;
  const user_id = verified && 'claims' in verified ? verified.claims.user_id : null;
  const details = { bucket: name };
  refused.note({ event_type: 'rate_limit_exceeded', user_id, origin, details });
  throw tooMany(name, retry_ms);
};

const invalid = () => sharedErrors.unauthenticated({ message: 'The access token is not valid' });

type Known = { actor: Actor; claims: TokenClaims | undefined };

/** The session behind the token, as it is now. */
const knownBy = async (settings: Settings, { verified, origin }: Shown): Promise<Known> => {
  if (!verified) return { actor: stranger, claims: undefined };
  if ('rejected' in verified) {
    if (verified.rejected === 'expired') throw tokenErrors.expired();
    if (verified.rejected === 'forged') throw forged(settings, origin, 'forged_token');
    throw invalid();
  }
  const actor = await settings.identification.memberOf(verified.claims);
  if (!actor) throw invalid();
  return { actor, claims: verified.claims };
};

/**
 * Who calls, whether they may now, and how often: the same stages in the same order as for a request of HTTP.
 * A credential that is present but bad is refused everywhere, also where none is needed.
 */
export const createAdmission = (settings: AdmissionSettings) => {
  const { identification, certified } = settings;
  const nameOfService = serviceNamer(settings.services);

  return async (facts: CallFacts, metadata: Metadata, caller: GrpcCaller): Promise<GrpcContext> => {
    const { origin } = facts;
    const shown = single(metadata, 'x-service-token');
    const authorization = single(metadata, 'authorization');
    const named = shown === undefined ? undefined : nameOfService(shown);
    const service = named ?? (certified ? commonNameOf(facts) : undefined);
    const verified =
      authorization === undefined
        ? undefined
        : await identification.verify(bearerIn(authorization));
    await count(settings, { service, verified, origin });
    if (shown !== undefined && named === undefined)
      throw forged(settings, origin, 'forged_service_token');
    const { actor, claims } = await knownBy(settings, { service, verified, origin });
    facts.claims = claims;
    if (actor.type === 'member') facts.user_id = actor.user_id;
    const context = { actor, service, claims, origin, signal: facts.stop.signal };
    assertFor(caller, context);
    return context;
  };
};

export type Admit = ReturnType<typeof createAdmission>;
