import { and, count, eq, gt, isNull, or, sql } from 'drizzle-orm';
import { userBlocksTable, usersTable } from '#modules/users/users.table.ts';
import type { Db } from '#platform/postgres/database.ts';
import type { InviteStore, MemberWrites, Mentions } from './chat.ports.ts';
import { roomInvitesTable as i, roomMembersTable as m, roomsTable } from './chat.table.ts';
import { selectMembers } from './rooms.postgres.ts';

const of = (room_id: number, user_id: number) =>
  and(eq(m.room_id, room_id), eq(m.user_id, user_id));

const countMember = (db: Db, room_id: number, by: 1 | -1) =>
  db
    .update(roomsTable)
    .set({ member_count: sql`${roomsTable.member_count} + ${by}::int` })
    .where(eq(roomsTable.id, room_id));

/** On a transaction that holds the room. */
export const createMemberWrites = (db: Db): MemberWrites => {
  const findOne: MemberWrites['findOne'] = async (room_id, user_id) => {
    const [row] = await selectMembers(db).where(of(room_id, user_id));
    return row;
  };
  return {
    findOne,
    async join(room_id, user_id, role) {
      const last_seq = sql`(select last_seq from rooms where id = ${room_id})`;
      const again = { state: 'joined' as const, role, joined_at: sql`now()`, read_seq: last_seq };
      await db
        .insert(m)
        .values({ room_id, user_id, role, read_seq: last_seq })
        .onConflictDoUpdate({ target: [m.room_id, m.user_id], set: again });
      await countMember(db, room_id, 1);
      const member = await findOne(room_id, user_id);
      if (!member) throw new Error('A member joined and is not there');
      return member;
    },
    async setState(room_id, user_id, state) {
      const before = await findOne(room_id, user_id);
      await db.update(m).set({ state, role: 'member' }).where(of(room_id, user_id));
      if (before?.state === 'joined') await countMember(db, room_id, -1);
    },
    async setRole(room_id, user_id, role) {
      await db.update(m).set({ role }).where(of(room_id, user_id));
    },
    async setMutedUntil(room_id, user_id, until) {
      await db.update(m).set({ muted_until: until }).where(of(room_id, user_id));
    },
    async countOwners(room_id) {
      const owners = and(eq(m.room_id, room_id), eq(m.role, 'owner'), eq(m.state, 'joined'));
      const [row] = await db.select({ total: count() }).from(m).where(owners);
      return row?.total ?? 0;
    },
    async markRead(room_id, user_id, seq) {
      const [row] = await db
        .update(m)
        .set({ read_seq: sql`greatest(${m.read_seq}, ${seq}::bigint)` })
        .where(of(room_id, user_id))
        .returning({ read_seq: m.read_seq });
      return row?.read_seq ?? 0;
    },
  };
};

const inviteColumns = {
  code: i.code,
  room_id: i.room_id,
  created_by: i.created_by,
  expires_at: i.expires_at,
  max_uses: i.max_uses,
  uses: i.uses,
  created_at: i.created_at,
};

const open = (now: Date) =>
  and(
    isNull(i.revoked_at),
    or(isNull(i.expires_at), gt(i.expires_at, now.toISOString())),
    or(isNull(i.max_uses), gt(i.max_uses, i.uses)),
  );

export const createInviteStore = (db: Db): InviteStore => ({
  findManyOpen: (room_id, now) =>
    db
      .select(inviteColumns)
      .from(i)
      .where(and(eq(i.room_id, room_id), open(now)))
      .orderBy(i.created_at),
  async lockOneByCode(code) {
    const [row] = await db
      .select(inviteColumns)
      .from(i)
      .where(and(eq(i.code, code), isNull(i.revoked_at)))
      .for('update');
    return row;
  },
  async insertOne(invite) {
    const [row] = await db.insert(i).values(invite).returning(inviteColumns);
    if (!row) throw new Error('An insert answered no row');
    return row;
  },
  async countUse(code) {
    await db
      .update(i)
      .set({ uses: sql`${i.uses} + 1` })
      .where(eq(i.code, code));
  },
  async revokeOne(room_id, code) {
    const rows = await db
      .update(i)
      .set({ revoked_at: sql`now()` })
      .where(and(eq(i.room_id, room_id), eq(i.code, code), isNull(i.revoked_at)))
      .returning({ code: i.code });
    return rows.length > 0;
  },
});

export const createMentions = (db: Db): Mentions => ({
  async findMentioned(room_id, author_id, names) {
    if (names.length === 0) return [];
    const blocked = sql`exists (select 1 from ${userBlocksTable} b where b.blocker_id = ${m.user_id} and b.blocked_id = ${author_id})`;
    const rows = await db
      .select({ user_id: m.user_id })
      .from(m)
      .innerJoin(usersTable, eq(usersTable.id, m.user_id))
      .where(
        and(
          eq(m.room_id, room_id),
          eq(m.state, 'joined'),
          sql`lower(${usersTable.username}) = any(${sql.param(names)}::text[])`,
          sql`not ${blocked}`,
        ),
      );
    return rows.map(({ user_id }) => user_id);
  },
});
