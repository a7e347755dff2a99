import { sql } from 'drizzle-orm';
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
import { usersTable } from '#modules/users/users.table.ts';
import { big, bytea, identity, instant } from '#platform/postgres/columns.ts';
import type { DurableType } from './chat-event.ts';
import type { MemberState, RoomKind, RoomRole } from './room.ts';

const user = () =>
  big()
    .notNull()
    .references(() => usersTable.id);

const now = () =>
  instant()
    .notNull()
    .default(sql`now()`);

export const roomsTable = pgTable(
  'rooms',
  {
    id: identity(),
    kind: text().$type<RoomKind>().notNull(),
    name: varchar({ length: 100 }),
    description: varchar({ length: 1000 }),
    slow_mode_seconds: integer().notNull().default(0),
    /** Of a direct conversation: its two members, the lower id first. */
    direct_key: varchar({ length: 50 }),
    member_count: integer().notNull().default(0),
    last_seq: big().notNull().default(0),
    created_by: user(),
    version: integer().notNull().default(1),
    last_message_at: instant(),
    created_at: now(),
    updated_at: now(),
    deleted_at: instant(),
  },
  (t) => [
    uniqueIndex('idx_rooms_direct').on(t.direct_key),
    index('idx_rooms_created_at').on(t.created_at.desc().nullsFirst(), t.id.desc().nullsFirst()),
    check('rooms_kind_known', sql`${t.kind} in ('public', 'private', 'direct')`),
    check('rooms_direct_keyed', sql`(${t.kind} = 'direct') = (${t.direct_key} is not null)`),
  ],
);

const room = () =>
  big()
    .notNull()
    .references(() => roomsTable.id, { onDelete: 'cascade' });

/** Those who left or are banned keep their row: a ban outlives leaving. */
export const roomMembersTable = pgTable(
  'room_members',
  {
    room_id: room(),
    user_id: user(),
    role: text().$type<RoomRole>().notNull().default('member'),
    state: text().$type<MemberState>().notNull().default('joined'),
    muted_until: instant(),
    read_seq: big().notNull().default(0),
    last_sent_at: instant(),
    joined_at: now(),
  },
  (t) => [
    primaryKey({ columns: [t.room_id, t.user_id] }),
    index('idx_room_members_user').on(t.user_id, t.state),
    check('room_members_role_known', sql`${t.role} in ('member', 'moderator', 'owner')`),
    check('room_members_state_known', sql`${t.state} in ('joined', 'left', 'banned')`),
  ],
);

export const roomInvitesTable = pgTable(
  'room_invites',
  {
    code: varchar({ length: 64 }).primaryKey(),
    room_id: room(),
    created_by: user(),
    expires_at: instant(),
    max_uses: integer(),
    uses: integer().notNull().default(0),
    created_at: now(),
    revoked_at: instant(),
  },
  (t) => [
    index('idx_room_invites_room').on(t.room_id),
    check('room_invites_within_uses', sql`${t.max_uses} is null or ${t.uses} <= ${t.max_uses}`),
  ],
);

export const messagesTable = pgTable(
  'messages',
  {
    id: identity(),
    room_id: room(),
    seq: big().notNull(),
    user_id: user(),
    content: varchar({ length: 4000 }),
    reply_to: big(),
    client_id: varchar({ length: 64 }),
    /** Of what was first sent under the client_id: a repetition is told from another message for ever. */
    client_digest: bytea(),
    edited_at: instant(),
    deleted_at: instant(),
    deleted_by: big(),
    pinned_at: instant(),
    pinned_by: big(),
    created_at: now(),
  },
  (t) => [
    uniqueIndex('idx_messages_room_seq').on(t.room_id, t.seq),
    uniqueIndex('idx_messages_client_id').on(t.user_id, t.client_id),
    index('idx_messages_pinned')
      .on(t.room_id)
      .where(sql`${t.pinned_at} is not null`),
  ],
);

const message = () =>
  big()
    .notNull()
    .references(() => messagesTable.id, { onDelete: 'cascade' });

export const messageEditsTable = pgTable(
  'message_edits',
  {
    id: identity(),
    message_id: message(),
    content: varchar({ length: 4000 }).notNull(),
    edited_at: now(),
  },
  (t) => [index('idx_message_edits_message').on(t.message_id)],
);

export const messageReactionsTable = pgTable(
  'message_reactions',
  {
    message_id: message(),
    user_id: user(),
    emoji: varchar({ length: 64 }).notNull(),
    created_at: now(),
  },
  (t) => [primaryKey({ columns: [t.message_id, t.emoji, t.user_id] })],
);

/** Room and place stand here, too: unread mentions are counted without the messages. */
export const messageMentionsTable = pgTable(
  'message_mentions',
  { message_id: message(), user_id: user(), room_id: big().notNull(), seq: big().notNull() },
  (t) => [
    primaryKey({ columns: [t.message_id, t.user_id] }),
    index('idx_message_mentions_user').on(t.user_id, t.room_id, t.seq),
  ],
);

/** Everything durable that happened in a room, numbered without a gap: what subscribers catch up from. */
export const roomEventsTable = pgTable(
  'room_events',
  {
    room_id: room(),
    seq: big().notNull(),
    type: text().$type<DurableType>().notNull(),
    user_id: big().notNull(),
    /** The event's data is then read with its message: what was deleted since is not told again. */
    message_id: big(),
    data: jsonb().$type<object>(),
    created_at: now(),
  },
  (t) => [primaryKey({ columns: [t.room_id, t.seq] })],
);
