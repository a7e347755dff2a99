import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { readConfig } from '#config.ts';
import { testApp } from '#test/app.ts';
import { statusesOf } from '#test/accounts.ts';
import { http } from '#test/calls.ts';
import { createUser } from '#test/factories.ts';

const pkcs8 = (key: KeyObject): string =>
  key.export({ format: 'der', type: 'pkcs8' }).toString('base64');
const spki = (key: KeyObject): string =>
  createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('base64');

const first = generateKeyPairSync('ed25519').privateKey;
const second = generateKeyPairSync('ed25519').privateKey;
const JWT_SECRET = 's'.repeat(48);

const hidden = await testApp({ environment: { JWT_SECRET } });
const signing = await testApp({
  beside: hidden,
  environment: { JWT_SECRET, JWT_PRIVATE_KEY: pkcs8(first) },
});
const rotated = await testApp({
  beside: hidden,
  environment: {
    JWT_SECRET,
    JWT_PRIVATE_KEY: second.export({ format: 'pem', type: 'pkcs8' }).toString(),
    JWT_PUBLIC_KEYS_PREVIOUS: spki(first),
  },
});

const keysOf = async (app: typeof hidden) => (await http(app, '/.well-known/jwks.json')).json;

describe('access tokens of a private key', () => {
  it('are verified by the published keys alone, without any secret', async () => {
    const user = await createUser(signing);
    const keys = createLocalJWKSet(await keysOf(signing));
    const { payload, protectedHeader } = await jwtVerify(user.token, keys, {
      issuer: 'veza-api',
      audience: 'veza',
      typ: 'at+jwt',
    });
    expect(payload).toMatchObject({ user_id: user.id, username: user.username });
    expect(protectedHeader).toMatchObject({ alg: 'EdDSA', kid: expect.any(String) });
    expect(await statusesOf(signing, user.token)).toEqual([200, 200]);
  });

  it('stay valid beside those of the secret and of the key before', async () => {
    const [old, newer, newest] = [
      await createUser(hidden),
      await createUser(signing),
      await createUser(rotated),
    ];
    expect(decodeProtectedHeader(old.token).alg).toBe('HS256');
    for (const { token } of [old, newer, newest])
      expect(await statusesOf(rotated, token)).toEqual([200, 200]);
    expect(await statusesOf(signing, newest.token)).toEqual([401, 401]);
    expect(await statusesOf(hidden, newer.token)).toEqual([401, 401]);
  });

  it('cannot be made with the public key as a secret, or by another key under its name', async () => {
    const { token } = await createUser(signing);
    const [, payload = ''] = token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const { kid = '' } = decodeProtectedHeader(token);
    const forge = (alg: string, key: KeyObject | Uint8Array) =>
      new SignJWT(claims).setProtectedHeader({ alg, typ: 'at+jwt', kid }).sign(key);
    const shown = Buffer.from(spki(first));
    const x = Buffer.from((await keysOf(signing)).keys[0].x, 'base64url');
    for (const forged of [forge('HS256', shown), forge('HS256', x), forge('EdDSA', second)])
      expect(await statusesOf(signing, await forged)).toEqual([401, 401]);
  });
});

describe('the published keys', () => {
  it('are public alone, cacheable, and those of today and before', async () => {
    const { headers, json, status } = await http(rotated, '/.well-known/jwks.json');
    expect([status, headers['cache-control']]).toEqual([200, 'public, max-age=300']);
    expect(json.keys).toHaveLength(2);
    for (const key of json.keys)
      expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
    expect(json.keys[1]).toEqual((await keysOf(signing)).keys[0]);
  });

  it('are none without a private key, and answered whatever token is sent', async () => {
    const { status, json } = await http(hidden, '/.well-known/jwks.json', { token: 'nonsense' });
    expect([status, json]).toEqual([200, { keys: [] }]);
  });
});

describe('the setting', () => {
  it('takes PEM, with its line breaks as they are or written, and base64', () => {
    const pem = first.export({ format: 'pem', type: 'pkcs8' }).toString();
    for (const written of [pem, pem.replaceAll('\n', '\\n'), pkcs8(first)]) {
      const key = readConfig({ JWT_PRIVATE_KEY: written }).jwt.JWT_PRIVATE_KEY;
      expect(key?.equals(first)).toBe(true);
    }
  });

  it('refuses keys of other kinds, by name and without their value', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    for (const written of ['nonsense', pkcs8(rsa), spki(first)]) {
      const read = () => readConfig({ JWT_PRIVATE_KEY: written });
      expect(read).toThrow(/^JWT_PRIVATE_KEY must be an Ed25519 private key, PKCS#8/);
    }
    expect(() => readConfig({ JWT_PUBLIC_KEYS_PREVIOUS: pkcs8(first).slice(9) })).toThrow(
      /^JWT_PUBLIC_KEYS_PREVIOUS must be/,
    );
  });
});
