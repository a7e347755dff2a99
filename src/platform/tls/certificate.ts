import {
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { isIP } from 'node:net';

/** One value of ASN.1 (X.690): its tag, length and content. */
const der = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const content = Buffer.concat(parts);
  const size = content.length;
  const length =
    size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
};

const sequence = (...parts: readonly Buffer[]) => der(0x30, ...parts);
const bytes = (hex: string) => Buffer.from(hex, 'hex');

/** The object identifiers that are used here, encoded. */
const ids = {
  common_name: bytes('0603550403'),
  alternative_names: bytes('0603551d11'),
  basic_constraints: bytes('0603551d13'),
  ecdsa_with_sha256: bytes('06082a8648ce3d040302'),
};

const algorithm = sequence(ids.ecdsa_with_sha256);
const yes = der(0x01, bytes('ff'));

const nameOf = (common_name: string): Buffer =>
  sequence(der(0x31, sequence(ids.common_name, der(0x0c, Buffer.from(common_name)))));

/** GeneralizedTime: `20260115103000Z`. */
const timeOf = (at: Date): Buffer =>
  der(0x18, Buffer.from(`${at.toISOString().replaceAll(/\D/g, '').slice(0, 14)}Z`));

/** A host name, or the bytes of an IPv4 address. */
const alternativeName = (host: string): Buffer =>
  isIP(host) === 4
    ? der(0x87, Buffer.from(host.split('.').map(Number)))
    : der(0x82, Buffer.from(host));

const extensionsOf = ({ hosts, is_authority }: Pick<Wanted, 'hosts' | 'is_authority'>): Buffer => {
  const names = sequence(ids.alternative_names, der(0x04, sequence(...hosts.map(alternativeName))));
  const constraints = sequence(ids.basic_constraints, yes, der(0x04, sequence(yes)));
  const given = [...(hosts.length > 0 ? [names] : []), ...(is_authority ? [constraints] : [])];
  return der(0xa3, sequence(...given));
};

export type KeyAndCertificate = { key: string; certificate: string };

type Wanted = {
  common_name: string;
  /** Names and IPv4 addresses that it is valid for. */
  hosts: readonly string[];
  /** Whether it may sign others. */
  is_authority?: boolean;
  valid_ms: number;
  now: Date;
  /** By default it is signed with its own key. */
  issuer?: { common_name: string; key: KeyObject };
};

const pem = (label: string, content: Buffer): string =>
  `-----BEGIN ${label}-----\n${content.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n')}\n-----END ${label}-----\n`;

const BACKDATED_MS = 3_600_000;

/** An X.509 certificate (RFC 5280) for a new key on P-256. */
export const createCertificate = (wanted: Wanted): KeyAndCertificate => {
  const { common_name, valid_ms, now } = wanted;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = wanted.issuer ?? { common_name, key: privateKey };
  const since = new Date(now.getTime() - BACKDATED_MS);
  const body = sequence(
    der(0xa0, der(0x02, bytes('02'))),
    der(0x02, bytes('40'), randomBytes(15)),
    algorithm,
    nameOf(issuer.common_name),
    sequence(timeOf(since), timeOf(new Date(now.getTime() + valid_ms))),
    nameOf(common_name),
    createPublicKey(privateKey).export({ format: 'der', type: 'spki' }),
    extensionsOf(wanted),
  );
  const signature = der(0x03, bytes('00'), sign('sha256', body, issuer.key));
  return {
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    certificate: pem('CERTIFICATE', sequence(body, algorithm, signature)),
  };
};
