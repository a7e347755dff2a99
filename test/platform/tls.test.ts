import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCertificate } from '#platform/tls/certificate.ts';
import { keptCertificate } from '#platform/tls/kept-certificate.ts';
import { DAY } from '#test/clock.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'veza-test-tls-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const now = new Date('2026-03-01T12:00:00.000Z');

describe('a certificate', () => {
  it('is one that OpenSSL reads, for its names, its time and its key alone', () => {
    const { key, certificate } = createCertificate({
      common_name: 'a name',
      hosts: ['example.com', '10.1.2.3'],
      valid_ms: 10 * DAY,
      now,
    });
    const read = new X509Certificate(certificate);
    expect(read.subject).toBe('CN=a name');
    expect(read.checkHost('example.com')).toBe('example.com');
    expect(read.checkHost('example.org')).toBeUndefined();
    expect(read.checkIP('10.1.2.3')).toBe('10.1.2.3');
    expect(Date.parse(read.validFrom)).toBeLessThan(now.getTime());
    expect(Date.parse(read.validTo)).toBe(now.getTime() + 10 * DAY);
    expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.ca).toBe(false);
  });
});

describe('the kept certificate', () => {
  it('is made once, by whoever comes first, and the same for all', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => keptCertificate(folder, now)));
    expect(new Set(all.map(({ certificate }) => certificate)).size).toBe(1);
    expect(await keptCertificate(folder, now)).toEqual(all[0]);
    expect((await readdir(folder)).sort()).toEqual(['grpc.crt', 'grpc.pem']);
    expect(await readFile(join(folder, 'grpc.crt'), 'utf8')).toBe(all[0]?.certificate);
    expect((await stat(join(folder, 'grpc.pem'))).mode & 0o077).toBe(0);
    expect(await readFile(join(folder, 'grpc.crt'), 'utf8')).not.toContain('PRIVATE KEY');
  });

  it('is made anew before it ends', async () => {
    const first = await keptCertificate(folder, now);
    const later = new Date(now.getTime() + 340 * DAY);
    const second = await keptCertificate(folder, later);
    expect(second.certificate).not.toBe(first.certificate);
    expect(await keptCertificate(folder, later)).toEqual(second);
  });
});
