import type { Actor, Member, Origin } from '#kernel/actor.ts';
import type { LimitName } from '#kernel/route.ts';
import type { IncomingForm } from '#kernel/upload.ts';

/** Facts about one call, and nothing else: collaborators reach procedures through their router's factory. */
export type RequestContext = {
  readonly actor: Actor;
  readonly origin: Origin;
  /** The versions of `If-Match`, when the caller sent any. */
  readonly if_match: readonly string[] | undefined;
  /** How many calls came in the same request. */
  readonly batch_size: number;
  /** The body as a form that is still arriving, its file in one of these fields; refuses a body of another type. */
  readonly form: (file_fields: readonly string[]) => IncomingForm;
  /** Makes a path of this service into an address that the caller can open. */
  readonly linkTo: (path: string) => string;
  /** Counts the call against a bucket of its own; refuses it when that is empty. */
  readonly spend: (limit: LimitName, subject: string) => void | Promise<void>;
};

export type MemberContext = RequestContext & { readonly actor: Member };

/** What a verified token says, its lifetime in Unix seconds. */
export type TokenClaims = {
  user_id: number;
  session_id: number;
  username: string;
  issued_at: number;
  expires_at: number;
};
type Verified = { claims: TokenClaims } | { rejected: 'expired' | 'forged' | 'malformed' };

/** How callers are recognised; answers at once whenever it can. */
export interface Identification {
  /** The signature only. */
  verify(token: string): Verified | Promise<Verified>;
  /** The account and session as they are now; undefined when the session has ended. */
  memberOf(claims: TokenClaims): Member | undefined | Promise<Member | undefined>;
}

/** Something was refused that security wants to know of. Never awaited and never fails. */
export interface RefusalLog {
  note(refusal: {
    event_type: 'access_denied' | 'rate_limit_exceeded' | 'intrusion_attempt';
    user_id: number | null;
    origin: Origin;
    details: Readonly<Record<string, string>>;
  }): void;
}
