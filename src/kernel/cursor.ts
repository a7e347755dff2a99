import { invalidFields } from './errors.ts';

/** Where a walk stands: the instant and id of the last row that was answered. */
export type Position = { at: string; id: number };

/** Opaque to callers; bound to one feed, so that a cursor of another is refused. */
export const encodeCursor = (feed: string, { at, id }: Position): string =>
  Buffer.from(JSON.stringify([feed, at, id])).toString('base64url');

/** As we write it, and as the database reads it: it knows no year 0. */
const isInstant = (text: string): boolean =>
  /^(?!0000)\d{4}-/.test(text) &&
  !Number.isNaN(Date.parse(text)) &&
  new Date(text).toISOString() === text;

const isPosition = (parts: unknown, feed: string): parts is [string, string, number] =>
  Array.isArray(parts) &&
  parts.length === 3 &&
  parts[0] === feed &&
  typeof parts[1] === 'string' &&
  isInstant(parts[1]) &&
  Number.isSafeInteger(parts[2]);

/** Undefined for an empty cursor, which begins a walk; VALIDATION_ERROR for one that is not of this feed. */
export const decodeCursor = (feed: string, cursor: string): Position | undefined => {
  if (cursor === '') return undefined;
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (isPosition(parts, feed)) return { at: parts[1], id: parts[2] };
  } catch {
    // falls through: not ours
  }
  throw invalidFields([{ field: 'cursor', message: 'Is not a cursor of this feed' }]);
};
