import { randomUUID, X509Certificate } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { codeOf } from '#kernel/errors.ts';
import { createCertificate, type KeyAndCertificate } from './certificate.ts';

const VALID_MS = 365 * 86_400_000;
/** One that ends sooner is made anew. */
const RENEWED_MS = 30 * 86_400_000;

const isGood = (text: string, now: Date): boolean =>
  Date.parse(new X509Certificate(text).validTo) - now.getTime() > RENEWED_MS;

const split = (text: string): KeyAndCertificate => {
  const at = text.indexOf('-----BEGIN CERTIFICATE-----');
  return { key: text.slice(0, at), certificate: text.slice(at) };
};

const make = (now: Date): string => {
  const { key, certificate } = createCertificate({
    common_name: 'Veza development',
    hosts: ['localhost', hostname(), '127.0.0.1'],
    valid_ms: VALID_MS,
    now,
  });
  return key + certificate;
};

/**
 * A certificate for this machine, signed by itself, kept in `folder` so that restarts and other processes there
 * share it. Clients trust `grpc.crt` beside it. The first process to ask makes it; a half-written one is never seen.
 */
export const keptCertificate = async (folder: string, now: Date): Promise<KeyAndCertificate> => {
  const file = join(folder, 'grpc.pem');
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept !== undefined) {
    if (isGood(kept, now)) return split(kept);
    await rm(file, { force: true });
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, make(now), { mode: 0o600 });
  await link(draft, file).catch((fault: unknown) => {
    if (codeOf(fault) !== 'EEXIST') throw fault;
  });
  // Linked, it is the kept file itself: what is written next needs one of its own.
  await rm(draft);
  const agreed = split(await readFile(file, 'utf8'));
  await writeFile(draft, agreed.certificate, { mode: 0o644 });
  await rename(draft, join(folder, 'grpc.crt'));
  return agreed;
};
