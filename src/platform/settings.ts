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
  const factor = unit === undefined ? undefined : units[unit];
  return factor === undefined ? undefined : Number(digits) * factor;
};

const parsed = <T>(example: string, parse: (written: string) => T | undefined) =>
  z.string().transform((written, ctx): T => {
    const value = parse(written);
    if (value !== undefined) return value;
    ctx.issues.push({ code: 'custom', message: `is not written like ${example}`, input: written });
    return z.NEVER;
  });

/** `15m`, `7d`, `300ms` → milliseconds. */
export const duration = (initial: string) =>
  parsed('15m, 7d or 300ms', (written) => parseUnits(written, unitsInMs)).prefault(initial);

/** `200MiB`, or a plain number → bytes. */
export const bytes = (initial: string) =>
  parsed('200MiB or 1048576', (written) =>
    /^\d+$/.test(written) ? Number(written) : parseUnits(written, unitsInBytes),
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
  parsed('100/1m or 100/1m,burst=20', parseRate).prefault(initial);

export const port = (initial: number) =>
  z.coerce.number('is not a port').int().min(0).max(65_535).default(initial);

export const integer = (min: number, max: number, initial: number) =>
  z.coerce.number('is not a number').int().min(min).max(max).default(initial);

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
  parsed('true or false', (written) => truths[written.toLowerCase()]).prefault(String(initial));

const splitList = (written: string): string[] =>
  written
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

export const list = (initial: string) => z.string().transform(splitList).prefault(initial);

export const url = (schemes: readonly string[]) =>
  parsed(`${schemes[0]}://…`, (written) => {
    const scheme = URL.canParse(written) ? new URL(written).protocol.slice(0, -1) : '';
    return schemes.includes(scheme) ? written : undefined;
  });

/** The bytes of a signing key are the bytes of the text. */
export const secret = () =>
  parsed('at least 32 bytes of text', (written) =>
    Buffer.byteLength(written) >= 32 ? written : undefined,
  );

const addTo = (block: BlockList, entry: string): boolean => {
  const [address = '', bits] = entry.split('/');
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  const most = family === 'ipv6' ? 128 : 32;
  const prefix = bits === undefined ? most : Number(bits);
  if (isIP(address) === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > most) return false;
  block.addSubnet(address, prefix, family);
  return true;
};

/** Addresses and CIDR ranges. */
export const addressList = () =>
  parsed('10.0.0.0/8,::1', (written) => {
    const entries = splitList(written);
    const block = new BlockList();
    return entries.every((entry) => addTo(block, entry)) ? { entries, block } : undefined;
  }).prefault('');
