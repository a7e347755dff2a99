import { and, count, eq, isNull, ne, type SQL, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import { usersTable } from '#modules/users/users.table.ts';
import type { Db } from '#platform/postgres/database.ts';
import { below, cut } from '#platform/postgres/paging.ts';
import type { RoomReads, RoomWrites } from './chat.ports.ts';
import { roomMembersTable as m, roomsTable as t } from './chat.table.ts';
import type { OwnRoom, Room } from './room.ts';

export const roomColumns = {
  id: t.id,
  kind: t.kind,
  name: t.name,
  description: t.description,
  slow_mode_seconds: t.slow_mode_seconds,
  member_count: t.member_count,
  last_seq: t.last_seq,
  created_by: t.created_by,
  version: t.version,
  last_message_at: t.last_message_at,
  created_at: t.created_at,
  updated_at: t.updated_at,
  deleted_at: t.deleted_at,
};

export const memberColumns = {
  room_id: m.room_id,
  user_id: m.user_id,
  username: usersTable.username,
  role: m.role,
  state: m.state,
  muted_until: m.muted_until,
  read_seq: m.read_seq,
  last_sent_at: m.last_sent_at,
  joined_at: m.joined_at,
};

/** Messages of others behind the marker that are still there; the tables are named in full, being inside a subquery. */
const unread = sql<number>`(select count(*)::int from messages where messages.room_id = rooms.id and messages.seq > room_members.read_seq and messages.user_id <> room_members.user_id and messages.deleted_at is null)`;
const unreadMentions = sql<number>`(select count(*)::int from message_mentions join messages on messages.id = message_mentions.message_id where message_mentions.user_id = room_members.user_id and message_mentions.room_id = rooms.id and message_mentions.seq > room_members.read_seq and messages.user_id <> room_members.user_id and messages.deleted_at is null)`;

const peerMembers = alias(m, 'peer_members');
const peers = alias(usersTable, 'peers');

const ownColumns = {
  ...roomColumns,
  role: m.role,
  muted_until: m.muted_until,
  read_seq: m.read_seq,
  joined_at: m.joined_at,
  unread_count: unread,
  mention_count: unreadMentions,
  peer_id: peerMembers.user_id,
  peer_name: peers.username,
};

type OwnRow = Room &
  OwnRoom['membership'] & {
    unread_count: number;
    mention_count: number;
    peer_id: number | null;
    peer_name: string | null;
  };

const asOwn = ({
  role,
  muted_until,
  read_seq,
  joined_at,
  peer_id,
  peer_name,
  ...room
}: OwnRow): OwnRoom => ({
  ...room,
  membership: { role, muted_until, read_seq, joined_at },
  peer: peer_id === null ? null : { user_id: peer_id, username: peer_name ?? '' },
});

const selectOwn = (db: Db) =>
  db
    .select(ownColumns)
    .from(t)
    .innerJoin(m, and(eq(m.room_id, t.id), eq(m.state, 'joined')))
    .leftJoin(
      peerMembers,
      and(eq(t.kind, 'direct'), eq(peerMembers.room_id, t.id), ne(peerMembers.user_id, m.user_id)),
    )
    .leftJoin(peers, eq(peers.id, peerMembers.user_id));

const ofUser = ({ user_id, direct }: { user_id: number; direct: boolean }): SQL | undefined =>
  and(
    eq(m.user_id, user_id),
    isNull(t.deleted_at),
    direct ? eq(t.kind, 'direct') : ne(t.kind, 'direct'),
  );

const found = (q: string | undefined): SQL | undefined =>
  and(
    eq(t.kind, 'public'),
    isNull(t.deleted_at),
    q === undefined
      ? undefined
      : sql`lower(${t.name}) like ${`%${q.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`}`,
  );

export const selectMembers = (db: Db) =>
  db.select(memberColumns).from(m).innerJoin(usersTable, eq(usersTable.id, m.user_id));

const joined = (room_id: number): SQL | undefined =>
  and(eq(m.room_id, room_id), eq(m.state, 'joined'));

const membersOf = (db: Db): Pick<RoomReads, 'findManyMembers' | 'countMembers'> => {
  const positions = { created_at: m.joined_at, id: m.user_id };
  return {
    async findManyMembers(room_id, slice) {
      const members = selectMembers(db).where(and(joined(room_id), below(positions, slice)));
      const rows = await cut(members.$dynamic(), positions, slice);
      return rows.map((row) => ({ ...row, id: row.user_id, created_at: row.joined_at }));
    },
    async countMembers(room_id) {
      const [row] = await db.select({ total: count() }).from(m).where(joined(room_id));
      return row?.total ?? 0;
    },
  };
};

/** On the pool: whether somebody may read is asked with every message, and prepared once. */
export const createRoomReads = (db: Db): RoomReads => {
  const byId = db
    .select(roomColumns)
    .from(t)
    .where(eq(t.id, sql.placeholder('id')))
    .prepare('room_by_id');
  const member = selectMembers(db)
    .where(
      and(eq(m.room_id, sql.placeholder('room_id')), eq(m.user_id, sql.placeholder('user_id'))),
    )
    .prepare('room_member');
  return {
    ...membersOf(db),
    findOneById: async (id) => (await byId.execute({ id }))[0],
    findMember: async (room_id, user_id) => (await member.execute({ room_id, user_id }))[0],
    findManyPublic: ({ q, slice }) =>
      cut(
        db
          .select(roomColumns)
          .from(t)
          .where(and(found(q), below(t, slice)))
          .$dynamic(),
        t,
        slice,
      ),
    async countPublic({ q }) {
      const [row] = await db.select({ total: count() }).from(t).where(found(q));
      return row?.total ?? 0;
    },
    async findManyOwn({ slice, ...whose }) {
      const own = selectOwn(db).where(and(ofUser(whose), below(t, slice)));
      return (await cut(own.$dynamic(), t, slice)).map(asOwn);
    },
    async countOwn(whose) {
      const rooms = db
        .select({ total: count() })
        .from(t)
        .innerJoin(m, and(eq(m.room_id, t.id), eq(m.state, 'joined')));
      const [row] = await rooms.where(ofUser(whose));
      return row?.total ?? 0;
    },
    async findOneOwn(id, user_id) {
      const [row] = await selectOwn(db).where(
        and(eq(t.id, id), eq(m.user_id, user_id), isNull(t.deleted_at)),
      );
      return row && asOwn(row);
    },
  };
};

const one = <T>(row: T | undefined): T => {
  if (!row) throw new Error('A statement answered no row');
  return row;
};

/** On a transaction. */
export const createRoomWrites = (db: Db): RoomWrites => {
  const lockOneById = async (id: number): Promise<Room | undefined> => {
    const [row] = await db.select(roomColumns).from(t).where(eq(t.id, id)).for('update');
    return row;
  };
  return {
    lockOneById,
    insertOne: async (room) => one((await db.insert(t).values(room).returning(roomColumns))[0]),
    async ensureDirect(room, direct_key) {
      const [made] = await db
        .insert(t)
        .values({ ...room, direct_key })
        .onConflictDoNothing()
        .returning(roomColumns);
      if (made) return { room: made, made: true };
      const existing = db.select(roomColumns).from(t).where(eq(t.direct_key, direct_key));
      return { room: one((await existing.for('update'))[0]), made: false };
    },
    async updateOne(id, changes) {
      const changed = { version: sql`${t.version} + 1`, updated_at: sql`now()` };
      const rows = await db
        .update(t)
        .set({ ...changes, ...changed })
        .where(eq(t.id, id))
        .returning(roomColumns);
      return one(rows[0]);
    },
    async setDeleted(id, at) {
      await db.update(t).set({ deleted_at: at }).where(eq(t.id, id));
    },
  };
};
