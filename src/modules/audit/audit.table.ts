import { sql } from 'drizzle-orm';
import { boolean, index, jsonb, pgTable, text, varchar } from 'drizzle-orm/pg-core';
import { big, identity, instant } from '#platform/postgres/columns.ts';
import type { AuditDetails } from './audit.events.ts';

/** Append-only for the application's role (`platform/postgres/migrate.ts`). */
export const auditRecordsTable = pgTable(
  'audit_records',
  {
    id: identity(),
    timestamp: instant()
      .notNull()
      .default(sql`now()`),
    event_type: varchar({ length: 64 }).notNull(),
    /** No foreign key: records outlive what they tell of. */
    user_id: big(),
    success: boolean().notNull(),
    details: jsonb().$type<AuditDetails>().notNull(),
    request_id: varchar({ length: 128 }).notNull(),
  },
  (t) => [
    index('idx_audit_records_timestamp').on(t.timestamp.desc().nullsFirst()),
    index('idx_audit_records_user').on(t.user_id, t.timestamp.desc().nullsFirst()),
  ],
);

/** What is personal in a record, in a row of its own that erasure may blank. */
export const auditOriginsTable = pgTable('audit_origins', {
  record_id: big()
    .primaryKey()
    .references(() => auditRecordsTable.id, { onDelete: 'cascade' }),
  ip_address: text(),
  user_agent: text(),
});
