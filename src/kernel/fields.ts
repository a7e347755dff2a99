import { z } from 'zod';

/** PostgreSQL's bigint as far as JSON carries it exactly. */
export const id = () => z.int().min(1).max(Number.MAX_SAFE_INTEGER);

/** An instant: RFC 3339, UTC, milliseconds. */
export const timestamp = () =>
  z.iso.datetime({ precision: 3 }).meta({ examples: ['2026-01-15T10:30:00.000Z'] });

const isStorable = (text: string): boolean => !text.includes('\u0000') && text.isWellFormed();

/** Text as it will be stored, untrimmed: NUL and lone surrogates are refused. Lengths are in UTF-16 units. */
export const text = (min: number, max: number) =>
  z.string().min(min).max(max).refine(isStorable, 'Must not contain NUL or unpaired surrogates');

/** Text of one line, stored without the space around it. */
export const label = (min: number, max: number) =>
  z
    .string()
    .trim()
    .min(min)
    .max(max)
    .refine(isStorable, 'Must not contain NUL or unpaired surrogates')
    .refine((value) => !/[\r\n]/.test(value), 'Must be a single line');
