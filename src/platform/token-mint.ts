import { createHash } from 'node:crypto';
import { deriveKey, hmac, isSame, randomToken } from './tokens.ts';

const DEVICE_ID_BYTES = 12;
const SIGNATURE_CHARS = 43;

const sign = (key: Buffer, message: string): string => hmac(key, message).toString('base64url');

/** Refresh and device tokens that need not be stored: the next is worked out from the last, a signature tells its maker. */
export const createTokenMint = ({
  secret,
  previous,
}: {
  secret: string;
  previous: string | undefined;
}) => {
  const secrets = [secret, ...(previous ? [previous] : [])];
  const successorKeys = secrets.map((from) => deriveKey(from, 'refresh token successor'));
  const deviceKeys = secrets.map((from) => deriveKey(from, 'device token'));
  const [deviceKey = Buffer.alloc(0)] = deviceKeys;

  return {
    first: () => randomToken(),
    successors: (token: string) => successorKeys.map((key) => sign(key, token)),
    digest: (token: string) => createHash('sha256').update(token).digest(),
    newDeviceId: () => randomToken(DEVICE_ID_BYTES),
    deviceToken: (user_id: number, device_id: string) =>
      `${device_id}.${sign(deviceKey, `${user_id}.${device_id}`)}`,
    deviceIdIn(token: string, user_id: number): string | undefined {
      const [device_id = '', signature = ''] = token.split('.');
      if (device_id.length > 32 || signature.length !== SIGNATURE_CHARS) return undefined;
      const given = Buffer.from(signature, 'base64url');
      const isOurs = deviceKeys.some((key) => isSame(hmac(key, `${user_id}.${device_id}`), given));
      return isOurs ? device_id : undefined;
    },
  };
};
