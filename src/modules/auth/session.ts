import { refusal, sharedErrors } from '#kernel/errors.ts';

export const sessionEnds = [
  'logout',
  'revoked',
  'password_change',
  'too_many',
  'token_reused',
] as const;
export type SessionEnd = (typeof sessionEnds)[number];

export type Session = {
  id: number;
  user_id: number;
  device_id: string;
  user_agent: string;
  ip_address: string;
  created_at: string;
  last_used_at: string;
  expires_at: string;
};

export type NewSession = Omit<Session, 'id'>;

/** One more than this, and the oldest goes. */
export const MOST_SESSIONS = 10;

/** How long the predecessor of the live refresh token still gets that token again: a lost answer, two tabs. */
export const GRACE_MS = 10_000;

export const authErrors = {
  invalidCredentials: refusal(
    'unauthenticated',
    'INVALID_CREDENTIALS',
    'The account or the password is wrong',
  ),
  banned: refusal('forbidden', 'ACCOUNT_BANNED', 'This account is banned'),
  tokenExpired: refusal('unauthenticated', 'TOKEN_EXPIRED', 'The token has expired'),
  tokenReused: refusal(
    'unauthenticated',
    'TOKEN_REUSED',
    'This refresh token was used before; its session has ended',
  ),
  unauthenticated: sharedErrors.unauthenticated,
  notFound: sharedErrors.notFound,
};

/** A refresh token as it was found, with the session it belongs to locked. */
export type FoundToken = {
  session: Session & { ended_at: string | null };
  used_at: string | null;
};

/** Whether a token that was used may still be answered with its successor, which is live. */
export const isInGrace = ({ used_at }: FoundToken, now: Date): boolean =>
  used_at !== null && now.getTime() - Date.parse(used_at) <= GRACE_MS;

/** By age, or because its tokens lay unused. Of a session and not of a token: an old token's re-use is one. */
export const isExpired = (
  { expires_at, last_used_at }: Session,
  now: Date,
  idle_ms: number,
): boolean =>
  Date.parse(expires_at) <= now.getTime() || Date.parse(last_used_at) + idle_ms <= now.getTime();
