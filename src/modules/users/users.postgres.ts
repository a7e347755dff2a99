import { and, count, eq, or, type SQL, sql } from 'drizzle-orm';
import type { Db } from '#platform/postgres/database.ts';
import { violates } from '#platform/postgres/failures.ts';
import { below, cut, prefix } from '#platform/postgres/paging.ts';
import { userErrors } from './user.ts';
import type { AccountStore, UserStore } from './users.ports.ts';
import { isShown, usersTable as t } from './users.table.ts';

/**
 * Tracks that anyone may list; the table belongs to another module and is only read. The outer id is named
 * in full: as a column object it loses its table where only one is selected from, and is then the track's.
 */
const publicTracks = sql<number>`(select count(*)::int from tracks where tracks.user_id = users.id and tracks.deleted_at is null and tracks.visibility = 'public' and tracks.status = 'ready')`;

const profileColumns = {
  id: t.id,
  username: t.username,
  display_name: t.display_name,
  bio: t.bio,
  links: t.links,
  tracks: publicTracks,
  version: t.version,
  created_at: t.created_at,
};

const ownColumns = {
  ...profileColumns,
  email: t.email,
  role: t.role,
  state: t.state,
  storage_used_bytes: t.storage_used_bytes,
  updated_at: t.updated_at,
};

const withCounts = <R extends { tracks: number }>({ tracks, ...row }: R) => ({
  ...row,
  counts: { tracks },
});

const matching = (q: string | undefined): SQL | undefined =>
  q === undefined
    ? undefined
    : or(
        sql`lower(${t.username}) like ${prefix(q.toLowerCase())}`,
        sql`lower(${t.display_name}) like ${prefix(q.toLowerCase())}`,
      );

const reading = (db: Db): Omit<UserStore, 'lockOneById' | 'updateOne'> => ({
  async findOwnById(id) {
    const [row] = await db.select(ownColumns).from(t).where(eq(t.id, id));
    return row && withCounts(row);
  },
  async findProfileById(id) {
    const [row] = await db
      .select(profileColumns)
      .from(t)
      .where(and(eq(t.id, id), isShown));
    return row && withCounts(row);
  },
  async hasProfile(id) {
    const rows = await db
      .select({ id: t.id })
      .from(t)
      .where(and(eq(t.id, id), isShown));
    return rows.length > 0;
  },
  async findStorageUsed(id) {
    const [row] = await db.select({ used_bytes: t.storage_used_bytes }).from(t).where(eq(t.id, id));
    return row?.used_bytes;
  },
  async findManyProfiles({ q, slice }) {
    const found = db
      .select(profileColumns)
      .from(t)
      .where(and(isShown, matching(q), below(t, slice)));
    return (await cut(found.$dynamic(), t, slice)).map(withCounts);
  },
  async countProfiles({ q }) {
    const [row] = await db
      .select({ total: count() })
      .from(t)
      .where(and(isShown, matching(q)));
    return row?.total ?? 0;
  },
});

export const createUserStore = (db: Db): UserStore => ({
  ...reading(db),
  async lockOneById(id) {
    const [row] = await db.select(ownColumns).from(t).where(eq(t.id, id)).for('update');
    return row && withCounts(row);
  },
  async updateOne(id, { links, ...changes }) {
    const cleared = links === null ? [] : links;
    const [row] = await db
      .update(t)
      .set({ ...changes, links: cleared, version: sql`${t.version} + 1`, updated_at: sql`now()` })
      .where(eq(t.id, id))
      .returning(ownColumns);
    if (!row) throw new Error('The user was locked and is gone');
    return withCounts(row);
  },
});

const accountColumns = {
  id: t.id,
  username: t.username,
  email: t.email,
  role: t.role,
  state: t.state,
  password_hash: t.password_hash,
};

export const createAccountStore = (db: Db): AccountStore => ({
  async findOneByLogin(login) {
    const named =
      'email' in login
        ? sql`lower(${t.email}) = ${login.email.toLowerCase()}`
        : sql`lower(${t.username}) = ${login.username.toLowerCase()}`;
    const [row] = await db.select(accountColumns).from(t).where(named);
    return row;
  },
  async lockOneById(id) {
    const [row] = await db.select(accountColumns).from(t).where(eq(t.id, id)).for('update');
    return row;
  },
  async insertOne(account) {
    const inserted = db.insert(t).values(account).returning(accountColumns);
    const [row] = await inserted.catch((fault: unknown) => {
      if (violates(fault, 'idx_users_email')) throw userErrors.emailTaken({ cause: fault });
      if (violates(fault, 'idx_users_username')) throw userErrors.usernameTaken({ cause: fault });
      throw fault;
    });
    if (!row) throw new Error('An insert answered no row');
    return row;
  },
  async updatePasswordHash(id, password_hash) {
    await db.update(t).set({ password_hash }).where(eq(t.id, id));
  },
});
