import { and, count, eq, or } from 'drizzle-orm';
import type { Db } from '#platform/postgres/database.ts';
import { below, cut } from '#platform/postgres/paging.ts';
import { preferencesOf } from './preferences.ts';
import type { RelationStore } from './users.ports.ts';
import { userBlocksTable as b, usersTable as t } from './users.table.ts';

const positions = { created_at: b.created_at, id: b.blocked_id };

const between = (blocker_id: number, blocked_id: number) =>
  and(eq(b.blocker_id, blocker_id), eq(b.blocked_id, blocked_id));

const blocking = (db: Db): Pick<RelationStore, 'insertBlock' | 'removeBlock' | 'areBlocked'> => ({
  async insertBlock(blocker_id, blocked_id) {
    const added = await db
      .insert(b)
      .values({ blocker_id, blocked_id })
      .onConflictDoNothing()
      .returning({ id: b.blocked_id });
    return added.length > 0;
  },
  async removeBlock(blocker_id, blocked_id) {
    const removed = await db
      .delete(b)
      .where(between(blocker_id, blocked_id))
      .returning({ id: b.blocked_id });
    return removed.length > 0;
  },
  async areBlocked(id, other_id) {
    const rows = await db
      .select({ id: b.blocked_id })
      .from(b)
      .where(or(between(id, other_id), between(other_id, id)))
      .limit(1);
    return rows.length > 0;
  },
});

export const createRelationStore = (db: Db): RelationStore => ({
  ...blocking(db),
  async findPreferences(id) {
    const [row] = await db.select({ stored: t.preferences }).from(t).where(eq(t.id, id));
    return row && preferencesOf(row.stored);
  },
  async updatePreferences(id, preferences) {
    await db.update(t).set({ preferences }).where(eq(t.id, id));
  },
  async findManyBlocked(blocker_id, slice) {
    const blocked = db
      .select({ id: b.blocked_id, username: t.username, blocked_at: b.created_at })
      .from(b)
      .innerJoin(t, eq(t.id, b.blocked_id))
      .where(and(eq(b.blocker_id, blocker_id), below(positions, slice)));
    const rows = await cut(blocked.$dynamic(), positions, slice);
    return rows.map((row) => ({ ...row, created_at: row.blocked_at }));
  },
  async countBlocked(blocker_id) {
    const [row] = await db.select({ total: count() }).from(b).where(eq(b.blocker_id, blocker_id));
    return row?.total ?? 0;
  },
});
