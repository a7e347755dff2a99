import { inArray, sql } from 'drizzle-orm';
import {
  check,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  varchar,
} from 'drizzle-orm/pg-core';
import type { AccountState, Role } from '#kernel/actor.ts';
import { big, identity, instant } from '#platform/postgres/columns.ts';
import type { StoredPreferences } from './preferences.ts';
import type { ProfileLink } from './user.ts';

export const usersTable = pgTable(
  'users',
  {
    id: identity(),
    username: varchar({ length: 50 }).notNull(),
    email: varchar({ length: 254 }).notNull(),
    password_hash: text().notNull(),
    role: text().$type<Role>().notNull().default('user'),
    state: text().$type<AccountState>().notNull().default('active'),
    display_name: varchar({ length: 80 }),
    bio: varchar({ length: 2000 }),
    links: jsonb().$type<ProfileLink[]>().notNull().default([]),
    preferences: jsonb().$type<StoredPreferences>().notNull().default({}),
    /** Bytes of the files this user keeps, counted against the quota. */
    storage_used_bytes: big().notNull().default(0),
    version: integer().notNull().default(1),
    created_at: instant()
      .notNull()
      .default(sql`now()`),
    updated_at: instant()
      .notNull()
      .default(sql`now()`),
  },
  (t) => [
    uniqueIndex('idx_users_email').on(sql`lower(${t.email})`),
    uniqueIndex('idx_users_username').on(sql`lower(${t.username})`),
    index('idx_users_created_at').on(t.created_at.desc().nullsFirst(), t.id.desc().nullsFirst()),
    check('users_role_known', sql`${t.role} in ('user', 'moderator', 'admin')`),
    check('users_state_known', sql`${t.state} in ('active', 'suspended', 'banned', 'deleted')`),
    check('users_storage_not_negative', sql`${t.storage_used_bytes} >= 0`),
  ],
);

/** Whose messages, offers, comments and mentions a user does not want. */
export const userBlocksTable = pgTable(
  'user_blocks',
  {
    blocker_id: big()
      .notNull()
      .references(() => usersTable.id),
    blocked_id: big()
      .notNull()
      .references(() => usersTable.id),
    created_at: instant()
      .notNull()
      .default(sql`now()`),
  },
  (t) => [
    primaryKey({ columns: [t.blocker_id, t.blocked_id] }),
    index('idx_user_blocks_blocked').on(t.blocked_id),
    check('user_blocks_of_another', sql`${t.blocker_id} <> ${t.blocked_id}`),
  ],
);

/** Of those who are banned or deleted, neither profile nor tracks are shown. */
export const isShown = inArray(usersTable.state, ['active', 'suspended']);
