import { sql } from 'drizzle-orm';
import {
  check,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core';
import type { EventRecord } from '#kernel/event.ts';
import { big, instant } from './postgres/columns.ts';

export type InboxState = 'pending' | 'done' | 'parked';

/** One row an event and consumer: the primary key is the rule that an event is handled once. */
export const inboxTable = pgTable(
  'inbox',
  {
    /** In the order of arrival. It has no index but those of what waits: the many that are done are in nobody's way. */
    id: big().notNull().generatedAlwaysAsIdentity(),
    consumer: varchar({ length: 50 }).notNull(),
    event_id: uuid().notNull(),
    aggregate_type: varchar({ length: 50 }).notNull(),
    aggregate_id: big().notNull(),
    state: text().$type<InboxState>().notNull().default('pending'),
    attempts: integer().notNull().default(0),
    due_at: instant()
      .notNull()
      .default(sql`now()`),
    last_error: text(),
    event: jsonb().$type<EventRecord>().notNull(),
    settled_at: instant(),
  },
  (t) => [
    primaryKey({ columns: [t.consumer, t.event_id] }),
    index('idx_inbox_pending')
      .on(t.consumer, t.id)
      .where(sql`${t.state} = 'pending'`),
    index('idx_inbox_parked')
      .on(t.id)
      .where(sql`${t.state} = 'parked'`),
    index('idx_inbox_settled_at')
      .on(t.settled_at)
      .where(sql`${t.state} = 'done'`),
    check('inbox_state_known', sql`${t.state} in ('pending', 'done', 'parked')`),
  ],
);

/** How far a stream has been read into the inbox. */
export const streamPositionsTable = pgTable('stream_positions', {
  stream: varchar({ length: 50 }).primaryKey(),
  /** When the stream was created: one that was made anew counts from 1 again. */
  created: varchar({ length: 50 }).notNull(),
  sequence: big().notNull(),
});
