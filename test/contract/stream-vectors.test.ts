import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { createStreamSignatures } from '#platform/stream-signatures.ts';
import { verifyStreamUrl } from '../../src/grpc-client/stream-url.ts';

type Vector = {
  description: string;
  id: number;
  user: number;
  expires: number;
  sig: string;
  url: string;
  verdict: 'valid' | 'wrong' | 'expired';
};

const file = new URL('../../proto/veza/stream/v1/vectors.json', import.meta.url);
const { secret, now, vectors } = JSON.parse(await readFile(file, 'utf8')) as {
  secret: string;
  now: string;
  vectors: Vector[];
};
const at = new Date(now);
const ours = createStreamSignatures({ secret, life_ms: 600_000, now: () => at });

it('the vectors have every verdict', () => {
  expect(new Set(vectors.map(({ verdict }) => verdict))).toEqual(
    new Set(['valid', 'wrong', 'expired']),
  );
});

it.each(vectors)('$description: $verdict, here and to those who hold the secret', (vector) => {
  const { id, user, expires, sig, url, verdict } = vector;
  const isValid = verdict === 'valid';
  const address = { id, user: `${user}`, expires: `${expires}`, sig };
  expect(ours.verify(address)).toBe(isValid ? user : undefined);
  const expected = { track_id: id, user_id: user, expires_at: new Date(expires * 1000) };
  expect(verifyStreamUrl(secret, url, at)).toEqual(isValid ? expected : undefined);
  const before = new Date(expires * 1000 - 1);
  expect(verifyStreamUrl(secret, url, before) === undefined).toBe(verdict === 'wrong');
});

it('an address that is signed here is the one of the vectors', () => {
  const [, own] = vectors;
  expect(ours.sign(42, 7).path).toBe(own?.url);
});

it.each([
  '/stream/42',
  '/stream/0?expires=1&user=0&sig=',
  '/track/42?expires=1768473600&user=0&sig=00',
  'http://',
  `${vectors[0]?.url}&user=1`,
  `/stream/042${vectors[0]?.url.slice('/stream/42'.length)}`,
])('what is no signed address is refused: %s', (url) => {
  expect(verifyStreamUrl(secret, url, at)).toBeUndefined();
});
