import { sql } from 'drizzle-orm';
import { customType, index, pgTable, text } from 'drizzle-orm/pg-core';
import { instant } from '../postgres/columns.ts';

const snapshot = customType<{ data: string; driverData: string }>({
  dataType: () => 'pg_snapshot',
});
const transactionId = customType<{ data: string; driverData: string }>({ dataType: () => 'xid8' });

/** Results of expensive queries. Unlogged, as its migration says: a server that crashed has forgotten them. */
export const cacheEntriesTable = pgTable(
  'cache_entries',
  {
    key: text().primaryKey(),
    value: text().notNull(),
    tags: text().array().notNull(),
    /** Of before the query: it has seen every change that is visible in this. */
    seen: snapshot().notNull(),
    expires_at: instant().notNull(),
  },
  (t) => [index('idx_cache_entries_expires_at').on(t.expires_at)],
);

/** By which transaction each tag was last invalidated; unlogged, too. */
export const cacheTagsTable = pgTable(
  'cache_tags',
  {
    tag: text().primaryKey(),
    changed_by: transactionId().notNull(),
    changed_at: instant()
      .notNull()
      .default(sql`now()`),
  },
  (t) => [index('idx_cache_tags_changed_at').on(t.changed_at)],
);
