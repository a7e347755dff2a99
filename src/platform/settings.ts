import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import { z } from 'zod';

/** How settings are written as text: each function gives a schema from that text to a value. */

const unitsInMs: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const unitsInBytes: Record<string, number> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

const parseUnits = (written: string, units: Record<string, number>): number | undefined => {
  const [, digits, unit] = /^(\d+)([a-zA-Z]+)$/.exec(written) ?? [];
  const factor = unit !== undefined && Object.hasOwn(units, unit) ? units[unit] : undefined;
  return factor === undefined ? undefined : Number(digits) * factor;
};

const parsed = <T>(wanted: string, parse: (written: string) => T | undefined) =>
  z.string().transform((written, ctx): T => {
    const value = parse(written);
    if (value !== undefined) return value;
    ctx.issues.push({ code: 'custom', message: `must be ${wanted}`, input: written });
    return z.NEVER;
  });

const within = (min: number, max: number, value: number | undefined): number | undefined =>
  value !== undefined && value >= min && value <= max ? value : undefined;

const wholeNumber = (written: string): number | undefined =>
  /^\d{1,15}$/.test(written) ? Number(written) : undefined;

const LONGEST_MS = 3650 * 86_400_000;

/** `15m`, `7d`, `300ms` → milliseconds. */
export const duration = (initial: string) =>
  parsed('written like 15m, 7d or 300ms', (written) =>
    within(1, LONGEST_MS, parseUnits(written, unitsInMs)),
  ).prefault(initial);

/** `200MiB`, or a plain number → bytes. */
export const bytes = (initial: string) =>
  parsed('written like 200MiB or 1048576', (written) =>
    within(0, Number.MAX_SAFE_INTEGER, wholeNumber(written) ?? parseUnits(written, unitsInBytes)),
  ).prefault(initial);

/** How often something may happen: `rate` times per `period_ms` in the long run, `burst` times at once. */
export type RateLimit = { rate: number; period_ms: number; burst: number };

const parseRate = (written: string): RateLimit | undefined => {
  const [, rate, period = '', burst = rate] =
    /^(\d+)\/(\w+?)(?:,burst=(\d+))?$/.exec(written) ?? [];
  const period_ms = parseUnits(/^\d/.test(period) ? period : `1${period}`, unitsInMs);
  if (!rate || !period_ms || Number(rate) < 1 || Number(burst) < 1) return undefined;
  return { rate: Number(rate), period_ms, burst: Number(burst) };
};

/** `100/1m` or `100/1m,burst=20`; the burst is the rate when it is not given. */
export const rateLimit = (initial: string) =>
  parsed('written like 100/1m or 100/1m,burst=20', parseRate).prefault(initial);

export const integer = (min: number, max: number, initial: number) =>
  parsed(`a whole number from ${min} to ${max}`, (written) =>
    within(min, max, wholeNumber(written)),
  ).prefault(String(initial));

export const port = (initial: number) => integer(0, 65_535, initial);

/** A port, or `off` for none. */
export const portOrOff = (initial: number) =>
  parsed('a port from 0 to 65535, or off', (written) =>
    written === 'off' ? ('off' as const) : within(0, 65_535, wholeNumber(written)),
  ).prefault(String(initial));

const truths: Record<string, boolean> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
};

export const toggle = (initial: boolean) =>
  parsed('true or false', (written) => {
    const word = written.toLowerCase();
    return Object.hasOwn(truths, word) ? truths[word] : undefined;
  }).prefault(String(initial));

const splitList = (written: string): string[] =>
  written
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** Origins as browsers send them: anything else would match no page, in silence. */
export const origins = (initial: string) =>
  parsed('origins like https://veza.app, without path', (written) => {
    const entries = splitList(written);
    const areOrigins = entries.every((entry) => URL.parse(entry)?.origin === entry);
    return areOrigins ? entries : undefined;
  }).prefault(initial);

export const url = (schemes: readonly string[]) =>
  parsed(`written like ${schemes[0]}://…`, (written) => {
    const { protocol = '', host = '' } = URL.parse(written) ?? {};
    // file://srv/veza names the machine srv, not a folder: nothing here could open it.
    if (protocol === 'file:' && host !== '') return undefined;
    return schemes.includes(protocol.slice(0, -1)) ? written : undefined;
  });

/** The bytes of a signing key are the bytes of the text. */
export const secret = () =>
  parsed('at least 32 bytes long', (written) =>
    Buffer.byteLength(written) >= 32 ? written : undefined,
  );

/** PEM, its line breaks as they are or written `\\n`, or the base64 of its bytes. */
const derIn = (written: string): Buffer =>
  Buffer.from(written.replaceAll(/-----[A-Z ]+-----|\\n|\s/g, ''), 'base64');

const ed25519 = (read: () => KeyObject): KeyObject | undefined => {
  try {
    const key = read();
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined;
  }
};

const namedSecret = /^([a-z][a-z0-9-]{0,31})=(\S{32,})$/;

/** Who may call in a name of its own, and what each of them shows. */
export const namedSecrets = () =>
  parsed(
    'like chat-server=secret,stream-server=secret, each of at least 32 characters',
    (written) => {
      const entries = splitList(written).map((entry) => namedSecret.exec(entry));
      const named = entries.flatMap((match) =>
        match?.[1] && match[2] ? [{ name: match[1], secret: match[2] }] : [],
      );
      return named.length === entries.length ? named : undefined;
    },
  ).prefault('');

/** An Ed25519 key that signs (RFC 8410). */
export const privateKey = () =>
  parsed('an Ed25519 private key, PKCS#8 as PEM or base64', (written) =>
    ed25519(() => createPrivateKey({ key: derIn(written), format: 'der', type: 'pkcs8' })),
  );

/** Ed25519 keys that verify. */
export const publicKeys = () =>
  parsed('Ed25519 public keys, SPKI as base64, separated by commas', (written) => {
    const keys = splitList(written).map((entry) =>
      ed25519(() => createPublicKey({ key: derIn(entry), format: 'der', type: 'spki' })),
    );
    return keys.every((key) => key !== undefined) ? keys : undefined;
  }).prefault('');

const addTo = (block: BlockList, entry: string): boolean => {
  const [address = '', bits, ...others] = entry.split('/');
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  const most = family === 'ipv6' ? 128 : 32;
  const prefix = bits === undefined ? most : within(0, most, wholeNumber(bits));
  if (isIP(address) === 0 || prefix === undefined || others.length > 0) return false;
  block.addSubnet(address, prefix, family);
  return true;
};

/** Addresses and CIDR ranges. */
export const addressList = () =>
  parsed('addresses and ranges like 10.0.0.0/8,::1', (written) => {
    const entries = splitList(written);
    const block = new BlockList();
    return entries.every((entry) => addTo(block, entry)) ? { entries, block } : undefined;
  }).prefault('');
