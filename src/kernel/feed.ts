import { decodeCursor, encodeCursor, type Position } from './cursor.ts';
import { type Feed, type FeedQuery, paginate } from './page.ts';

/** Rows of a feed, newest first: from a place counted from the top, or after a position. */
export type Slice =
  | { limit: number; offset: number }
  | { limit: number; after: Position | undefined };

type Row = { id: number; created_at: string };

interface Source<T> {
  find(slice: Slice): Promise<T[]>;
  count(): Promise<number>;
}

const walk = async <T extends Row>(
  name: string,
  { limit, cursor }: { limit: number; cursor: string },
  source: Source<T>,
): Promise<Feed<T>> => {
  const found = await source.find({ limit: limit + 1, after: decodeCursor(name, cursor) });
  const data = found.slice(0, limit);
  const last = data.at(-1);
  const has_next = found.length > limit;
  const next_cursor =
    has_next && last ? encodeCursor(name, { at: last.created_at, id: last.id }) : null;
  return { data, pagination: { limit, has_next, next_cursor } };
};

/** One page of a feed: by number, or a step of a walk that never skips or repeats a row. */
export const readFeed = async <T extends Row>(
  name: string,
  { page = 1, limit, cursor }: FeedQuery,
  source: Source<T>,
): Promise<Feed<T>> => {
  if (cursor !== undefined) return walk(name, { limit, cursor }, source);
  const slice = { limit, offset: (page - 1) * limit };
  const [data, total] = await Promise.all([source.find(slice), source.count()]);
  return { data, pagination: paginate({ page, limit }, total) };
};
