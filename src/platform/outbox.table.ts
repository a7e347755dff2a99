import { sql } from 'drizzle-orm';
import { index, integer, jsonb, pgTable, text, uuid, varchar } from 'drizzle-orm/pg-core';
import { big, identity, instant } from './postgres/columns.ts';

/** Facts, in the transactions of the changes they tell of; kept for a day after they were relayed. */
export const outboxTable = pgTable(
  'outbox',
  {
    id: identity(),
    event_id: uuid().notNull().unique().defaultRandom(),
    name: varchar({ length: 100 }).notNull(),
    version: integer().notNull(),
    aggregate_type: varchar({ length: 50 }).notNull(),
    aggregate_id: big().notNull(),
    request_id: varchar({ length: 128 }).notNull(),
    payload: jsonb().$type<Record<string, unknown>>().notNull(),
    occurred_at: instant()
      .notNull()
      .default(sql`now()`),
    relayed_at: instant(),
    /** Why it cannot be relayed; it waits apart, so that it holds up nobody. */
    fault: text(),
  },
  (t) => [
    index('idx_outbox_unrelayed')
      .on(t.id)
      .where(sql`${t.relayed_at} is null and ${t.fault} is null`),
    index('idx_outbox_parked')
      .on(t.id)
      .where(sql`${t.relayed_at} is null and ${t.fault} is not null`),
    index('idx_outbox_relayed_at').on(t.relayed_at),
    index('idx_outbox_occurred_at').on(t.occurred_at),
  ],
);
