import type { Origin } from '#kernel/actor.ts';
import { deriveKey, hmac } from './tokens.ts';

/** Tells the listeners of one day apart by address and agent; the digest reveals neither. */
export const createListenerFingerprint = (secret: string) => {
  const key = deriveKey(secret, 'listener fingerprint');
  return ({ ip_address, user_agent }: Origin, day: string): string =>
    hmac(key, `${day}|${ip_address}|${user_agent}`).toString('base64url');
};
