import type { ByteRange } from '#kernel/media.ts';

// Units are case-insensitive; the list syntax allows an empty element on either side.
const singleRange = /^bytes=[, \t]*(\d*)-(\d*)[, \t]*$/i;

/**
 * The one range a `Range` header asks for (RFC 9110 §14.1.2, §14.2). Undefined when the whole is to be
 * answered: for no header, a malformed one, another unit, and for several ranges at once, which a server may ignore.
 */
export const parseRange = (
  header: string | undefined,
  size: number,
): ByteRange | 'unsatisfiable' | undefined => {
  const [, first, last] = singleRange.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || first + last === '') return undefined;
  if (first === '') return suffixRange(Number(last), size);
  const start = Number(first);
  const end = last === '' ? Infinity : Number(last);
  if (end < start) return undefined;
  return start < size ? { start, end: Math.min(end, size - 1) } : 'unsatisfiable';
};

/** No part of nothing can be shown as a range, so that a suffix of it is the whole. */
const suffixRange = (length: number, size: number): ByteRange | 'unsatisfiable' | undefined => {
  if (length === 0) return 'unsatisfiable';
  return size === 0 ? undefined : { start: Math.max(0, size - length), end: size - 1 };
};
