import { createHash, createPublicKey, type KeyObject } from 'node:crypto';

/** One key and the one algorithm it is used with. */
export type TokenKey = {
  algorithm: 'HS256' | 'EdDSA';
  key: KeyObject | Uint8Array;
  /** Told in the header of tokens, so that others find the key. */
  kid?: string;
};

/** RFC 8037 §2, RFC 7517 §4. */
export type PublicJwk = {
  kty: string;
  crv: string;
  x: string;
  kid: string;
  alg: 'EdDSA';
  use: 'sig';
};

type Given = {
  secret: string;
  previous: string | undefined;
  private_key: KeyObject | undefined;
  public_keys_previous: readonly KeyObject[];
};

/** The key id is its thumbprint (RFC 7638): the same key has the same name wherever it is used. */
const jwkOf = (key: KeyObject): PublicJwk => {
  const { kty = '', crv = '', x = '' } = key.export({ format: 'jwk' });
  const canonical = JSON.stringify({ crv, kty, x });
  const kid = createHash('sha256').update(canonical).digest('base64url');
  return { kty, crv, x, kid, alg: 'EdDSA', use: 'sig' };
};

const hidden = (secret: string): TokenKey => ({ algorithm: 'HS256', key: Buffer.from(secret) });

const published = (key: KeyObject): TokenKey => ({
  algorithm: 'EdDSA',
  key,
  kid: jwkOf(key).kid,
});

/**
 * What access tokens are signed with and which keys they are accepted from: with a private key it signs, and the
 * secret still verifies what it has signed before.
 */
export const createSigningKeys = (given: Given) => {
  const { secret, previous, private_key, public_keys_previous } = given;
  const publicKeys = [
    ...(private_key ? [createPublicKey(private_key)] : []),
    ...public_keys_previous,
  ];
  const accepted = [
    ...publicKeys.map(published),
    hidden(secret),
    ...(previous ? [hidden(previous)] : []),
  ];
  const [first = hidden(secret)] = accepted;
  return {
    signing: private_key ? { ...first, key: private_key } : hidden(secret),
    accepted,
    jwks: { keys: publicKeys.map(jwkOf) },
  };
};

export type SigningKeys = ReturnType<typeof createSigningKeys>;
