import { sql } from 'drizzle-orm';
import {
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core';
import { big, instant } from './postgres/columns.ts';

export const idempotencyKeysTable = pgTable(
  'idempotency_keys',
  {
    user_id: big().notNull(),
    key: varchar({ length: 255 }).notNull(),
    /** Who runs the request; it ends by itself when nobody renews it. */
    lease: uuid().notNull(),
    leased_until: instant().notNull(),
    created_at: instant()
      .notNull()
      .default(sql`now()`),
    fingerprint: varchar({ length: 64 }),
    status: integer(),
    headers: jsonb().$type<Record<string, string>>(),
    body: text(),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.key] }),
    index('idx_idempotency_keys_lease').on(t.lease),
    index('idx_idempotency_keys_created_at').on(t.created_at),
  ],
);
