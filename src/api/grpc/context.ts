import type { Actor, Member, Origin } from '#kernel/actor.ts';
import type { TokenClaims } from '../context.ts';

/** Facts about one gRPC call, and nothing else. */
export type GrpcContext = {
  /** Who the call's token stands for; a stranger without one. */
  readonly actor: Actor;
  /** Which service calls, when one does: for its actor or for itself. */
  readonly service: string | undefined;
  readonly claims: TokenClaims | undefined;
  readonly origin: Origin;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
};

export type MemberCall = GrpcContext & { readonly actor: Member; readonly claims: TokenClaims };
export type ServiceCall = GrpcContext & { readonly service: string };

/** `member`: with a user's token. `service`: in a service's name. `either`: one or the other. */
export type GrpcCaller = 'member' | 'service' | 'either';
