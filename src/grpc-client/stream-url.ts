import { createHmac, timingSafeEqual } from 'node:crypto';

/** Whose address it is: user 0 for strangers. */
export type VerifiedStreamUrl = { track_id: number; user_id: number; expires_at: Date };

const id = /^[1-9]\d{0,15}$/;
const digits = /^(0|[1-9]\d{0,15})$/;
const hex = /^[0-9a-f]{64}$/;

type Parts = { track: string; user: string; expires: string; sig: string };

/** Each part once, and as it is written by us; relative addresses do as well as whole ones. */
const partsIn = (url: string): Parts | undefined => {
  const parsed = URL.parse(url, 'http://localhost');
  const track = /^\/stream\/([^/]+)$/.exec(parsed?.pathname ?? '')?.[1];
  if (!parsed || track === undefined) return undefined;
  const single = (name: string): string => {
    const [value = '', ...others] = parsed.searchParams.getAll(name);
    return others.length === 0 ? value : '';
  };
  const parts = { track, user: single('user'), expires: single('expires'), sig: single('sig') };
  const isWritten =
    id.test(track) && digits.test(parts.user) && digits.test(parts.expires) && hex.test(parts.sig);
  return isWritten ? parts : undefined;
};

/**
 * Verifies `/stream/{id}?expires&user&sig` with the stream secret alone; undefined when it is wrong or has expired.
 * What became of the track since, only `AuthorizeStream` tells.
 */
export const verifyStreamUrl = (
  secret: string,
  url: string,
  now: Date = new Date(),
): VerifiedStreamUrl | undefined => {
  const parts = partsIn(url);
  if (!parts) return undefined;
  const { track, user, expires, sig } = parts;
  const expected = createHmac('sha256', secret)
    .update(`v1\n${track}\n${user}\n${expires}`)
    .digest();
  if (!timingSafeEqual(expected, Buffer.from(sig, 'hex'))) return undefined;
  const expires_at = new Date(Number(expires) * 1000);
  if (!(expires_at > now)) return undefined;
  return { track_id: Number(track), user_id: Number(user), expires_at };
};
