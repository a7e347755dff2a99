import { desc, type SQL, sql } from 'drizzle-orm';
import type { PgColumn, PgSelect } from 'drizzle-orm/pg-core';
import type { Slice } from '#kernel/feed.ts';

type Columns = { created_at: PgColumn; id: PgColumn };

/** Rows below a position, newest first (keyset pagination). */
export const below = ({ created_at, id }: Columns, slice: Slice): SQL | undefined =>
  'after' in slice && slice.after
    ? sql`(${created_at}, ${id}) < (${slice.after.at}::timestamptz, ${slice.after.id}::bigint)`
    : undefined;

/** Orders a feed and cuts the slice out of it; `below` belongs into its condition. */
export const cut = <T extends PgSelect>(query: T, { created_at, id }: Columns, slice: Slice) =>
  query
    .orderBy(desc(created_at), desc(id))
    .limit(slice.limit)
    .offset('offset' in slice ? slice.offset : 0);

/** The beginning of a word, for LIKE: what callers write is never a pattern. */
export const prefix = (written: string): string => `${written.replaceAll(/[\\%_]/g, '\\$&')}%`;
