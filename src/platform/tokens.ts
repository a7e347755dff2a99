import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import { codeOf } from '#kernel/errors.ts';
import type { SigningKeys, TokenKey } from './signing-keys.ts';

/** What an access token says of its bearer. Role and state are looked up, never believed. */
export type AccessClaims = { user_id: number; session_id: number; username: string };

/** With its lifetime, in Unix seconds. */
export type VerifiedClaims = AccessClaims & { issued_at: number; expires_at: number };

export type TokenRejected = 'expired' | 'forged' | 'malformed';
export type Verified = { claims: VerifiedClaims } | { rejected: TokenRejected };

export interface AccessTokens {
  readonly expires_in_seconds: number;
  sign(claims: AccessClaims & { role: string }): Promise<string>;
  /** Synchronous for a token that was verified before: only its signature is cached, never its expiry. */
  verify(token: string): Verified | Promise<Verified>;
}

const ISSUER = 'veza-api';
const AUDIENCE = 'veza';
const LONGEST_TOKEN = 4096;

type Settings = {
  keys: Pick<SigningKeys, 'signing' | 'accepted'>;
  life_ms: number;
  now: () => Date;
};

/** A token that names another algorithm was made by someone who hopes that we use it. */
const forgeries = ['ERR_JWS_SIGNATURE_VERIFICATION_FAILED', 'ERR_JOSE_ALG_NOT_ALLOWED'];

const reasonOf = (fault: unknown): TokenRejected => {
  const code = codeOf(fault);
  if (code === 'ERR_JWT_EXPIRED') return 'expired';
  return forgeries.includes(code) ? 'forged' : 'malformed';
};

/** Clocks of processes differ by less. */
const SKEW_SECONDS = 30;

/** What a payload says, if it is one that we would write at `now`: a token from the future, or for ever, is not. */
const claimsIn = (
  payload: JWTPayload,
  now: Date,
  { life_ms }: Settings,
): VerifiedClaims | undefined => {
  const { sub, user_id, sid, username, iat = 0, exp = 0 } = payload;
  if (!isId(user_id) || !isId(sid) || typeof username !== 'string') return undefined;
  const isOurs =
    sub === String(user_id) &&
    iat <= now.getTime() / 1000 + SKEW_SECONDS &&
    exp - iat <= life_ms / 1000;
  return isOurs
    ? { user_id, session_id: sid, username, issued_at: iat, expires_at: exp }
    : undefined;
};

const isId = (value: unknown): value is number => Number.isSafeInteger(value);

const verifyWith = async (
  token: string,
  { key, algorithm }: TokenKey,
  settings: Settings,
): Promise<VerifiedClaims | TokenRejected> => {
  const now = settings.now();
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [algorithm],
      typ: 'at+jwt',
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['exp', 'iat'],
      currentDate: now,
    });
    return claimsIn(payload, now, settings) ?? 'malformed';
  } catch (fault) {
    return reasonOf(fault);
  }
};

const signWith =
  ({ key, algorithm, kid }: TokenKey, { life_ms, now }: Settings): AccessTokens['sign'] =>
  async ({ user_id, session_id, username, role }) => {
    const issued = Math.floor(now().getTime() / 1000);
    return new SignJWT({ user_id, username, role, sid: session_id })
      .setProtectedHeader({ alg: algorithm, typ: 'at+jwt', ...(kid && { kid }) })
      .setSubject(String(user_id))
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setIssuedAt(issued)
      .setExpirationTime(issued + Math.floor(life_ms / 1000))
      .sign(key);
  };

/** JWT access tokens (RFC 9068 `at+jwt`): each key with its one algorithm, whatever a token names. */
export const createAccessTokens = (settings: Settings): AccessTokens => {
  const { keys, life_ms, now } = settings;
  const verified = new LRUCache<string, VerifiedClaims>({ max: 20_000 });

  const verifySlowly = async (token: string): Promise<Verified> => {
    for (const key of keys.accepted) {
      const outcome = await verifyWith(token, key, settings);
      if (outcome === 'forged') continue; // perhaps signed with another
      if (typeof outcome === 'string') return { rejected: outcome };
      verified.set(token, outcome);
      return { claims: outcome };
    }
    return { rejected: 'forged' };
  };

  return {
    expires_in_seconds: Math.floor(life_ms / 1000),
    sign: signWith(keys.signing, settings),
    verify(token) {
      if (token.length > LONGEST_TOKEN) return { rejected: 'malformed' };
      const claims = verified.get(token);
      if (claims === undefined) return verifySlowly(token);
      if (claims.expires_at * 1000 <= now().getTime()) return { rejected: 'expired' };
      return { claims };
    },
  };
};

/** A key for one purpose, made from a secret: what one purpose reveals helps no other (RFC 5869). */
export const deriveKey = (secret: string, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', purpose, 32));

export const hmac = (key: Buffer, message: string): Buffer =>
  createHmac('sha256', key).update(message).digest();

export const randomToken = (bytes = 32): string => randomBytes(bytes).toString('base64url');

export const isSame = (a: Buffer, b: Buffer): boolean =>
  a.length === b.length && timingSafeEqual(a, b);
