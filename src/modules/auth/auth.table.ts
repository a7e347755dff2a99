import { sql } from 'drizzle-orm';
import { index, integer, pgTable, text, varchar } from 'drizzle-orm/pg-core';
import { usersTable } from '#modules/users/users.table.ts';
import { big, bytea, identity, instant } from '#platform/postgres/columns.ts';
import type { SessionEnd } from './session.ts';

export const sessionsTable = pgTable(
  'sessions',
  {
    id: identity(),
    user_id: big()
      .notNull()
      .references(() => usersTable.id),
    /** Of the device token it was opened with: tells devices of a user apart. */
    device_id: varchar({ length: 32 }).notNull(),
    user_agent: varchar({ length: 512 }).notNull(),
    ip_address: varchar({ length: 45 }).notNull(),
    created_at: instant().notNull(),
    last_used_at: instant().notNull(),
    /** However often it is refreshed. */
    expires_at: instant().notNull(),
    ended_at: instant(),
    ended_by: text().$type<SessionEnd>(),
  },
  (t) => [
    index('idx_sessions_live')
      .on(t.user_id, t.created_at)
      .where(sql`${t.ended_at} is null`),
  ],
);

/** The family of a session: every token it ever had, by digest; the one that is not used is live. */
export const refreshTokensTable = pgTable(
  'refresh_tokens',
  {
    token_hash: bytea().primaryKey(),
    session_id: big()
      .notNull()
      .references(() => sessionsTable.id, { onDelete: 'cascade' }),
    issued_at: instant().notNull(),
    used_at: instant(),
  },
  (t) => [index('idx_refresh_tokens_session').on(t.session_id)],
);

/** Failed sign-ins in a row, per account or per device that signed in to it before. */
export const loginAttemptsTable = pgTable('login_attempts', {
  key: varchar({ length: 100 }).primaryKey(),
  failures: integer().notNull(),
  last_failed_at: instant().notNull(),
  slowed_until: instant(),
});
