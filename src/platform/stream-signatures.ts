import { createHmac } from 'node:crypto';
import { isSame } from './tokens.ts';

type Settings = { secret: string; life_ms: number; now: () => Date };
type Address = { id: number; user: string; expires: string; sig: string };

const digits = /^(0|[1-9]\d{0,15})$/;

/** `sig` of `/stream/{id}?expires&user&sig`: HMAC-SHA256 of `v1\n{id}\n{user}\n{expires}`. */
const signature = (secret: string, { id, user, expires }: Omit<Address, 'sig'>): Buffer =>
  createHmac('sha256', secret).update(`v1\n${id}\n${user}\n${expires}`).digest();

/** Addresses that play without a token, and that anyone who holds the secret can check. */
export const createStreamSignatures = ({ secret, life_ms, now }: Settings) => ({
  sign(id: number, user_id: number): { path: string; expires_at: string } {
    const expires = Math.floor((now().getTime() + life_ms) / 1000);
    const address = { id, user: String(user_id), expires: String(expires) };
    const sig = signature(secret, address).toString('hex');
    return {
      path: `/stream/${id}?expires=${expires}&user=${user_id}&sig=${sig}`,
      expires_at: new Date(expires * 1000).toISOString(),
    };
  },
  verify({ sig, ...address }: Address, leeway_ms = 0): number | undefined {
    const { user, expires } = address;
    if (!digits.test(user) || !digits.test(expires) || !/^[0-9a-f]{64}$/.test(sig))
      return undefined;
    if (!isSame(signature(secret, address), Buffer.from(sig, 'hex'))) return undefined;
    return Number(expires) * 1000 + leeway_ms > now().getTime() ? Number(user) : undefined;
  },
});
