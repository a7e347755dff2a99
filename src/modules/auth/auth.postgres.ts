import { and, desc, eq, gt, inArray, isNull, ne, type SQL, sql } from 'drizzle-orm';
import { usersTable } from '#modules/users/users.table.ts';
import type { Db } from '#platform/postgres/database.ts';
import type { Ending, LoginAttempts, MemberStore, SessionStore } from './auth.ports.ts';
import {
  loginAttemptsTable as attempts,
  refreshTokensTable as tokens,
  sessionsTable as t,
} from './auth.table.ts';

/** Ended sessions are told of on this channel, as `session:12` or `user:3`, when the change commits. */
export const CHANGES_CHANNEL = 'veza_sessions';

const sessionColumns = {
  id: t.id,
  user_id: t.user_id,
  device_id: t.device_id,
  user_agent: t.user_agent,
  ip_address: t.ip_address,
  created_at: t.created_at,
  last_used_at: t.last_used_at,
  expires_at: t.expires_at,
};

const whichOf = (ending: Ending): SQL | undefined => {
  if ('only' in ending) return inArray(t.id, [...ending.only]);
  return ending.except === undefined ? undefined : ne(t.id, ending.except);
};

const announce = (db: Db, ids: number[]) =>
  db.execute(
    sql`select pg_notify(${CHANGES_CHANNEL}, 'session:' || id) from unnest(${sql.param(ids)}::bigint[]) as id`,
  );

const ofSessions = (
  db: Db,
): Pick<SessionStore, 'insertOne' | 'findManyLive' | 'endMany' | 'touchOne'> => ({
  async insertOne(session, token_hash) {
    const [row] = await db.insert(t).values(session).returning(sessionColumns);
    if (!row) throw new Error('An insert answered no row');
    await db.insert(tokens).values({ token_hash, session_id: row.id, issued_at: row.created_at });
    return row;
  },
  findManyLive: (user_id, now, idle_ms) =>
    db
      .select(sessionColumns)
      .from(t)
      .where(
        and(
          eq(t.user_id, user_id),
          isNull(t.ended_at),
          gt(t.expires_at, now.toISOString()),
          gt(t.last_used_at, new Date(now.getTime() - idle_ms).toISOString()),
        ),
      )
      .orderBy(desc(t.created_at), desc(t.id)),
  async endMany(ending) {
    const ended = await db
      .update(t)
      .set({ ended_at: ending.at.toISOString(), ended_by: ending.by })
      .where(and(eq(t.user_id, ending.user_id), isNull(t.ended_at), whichOf(ending)))
      .returning({ id: t.id });
    const ids = ended.map(({ id }) => id);
    if (ids.length > 0) await announce(db, ids);
    return ids;
  },
  async touchOne(id, at) {
    await db.update(t).set({ last_used_at: at.toISOString() }).where(eq(t.id, id));
  },
});

const ofTokens = (db: Db): Pick<SessionStore, 'lockToken' | 'isLive' | 'rotate'> => ({
  async lockToken(token_hash) {
    // The session is locked first and the token read after: a reader that waited sees what was decided.
    const [session] = await db
      .select({ ...sessionColumns, ended_at: t.ended_at })
      .from(t)
      .where(
        eq(
          t.id,
          sql`(select ${tokens.session_id} from ${tokens} where ${tokens.token_hash} = ${token_hash})`,
        ),
      )
      .for('update');
    if (!session) return undefined;
    const [token] = await db.select().from(tokens).where(eq(tokens.token_hash, token_hash));
    return token && { session, used_at: token.used_at };
  },
  async isLive(token_hash) {
    const [row] = await db
      .select({ used_at: tokens.used_at })
      .from(tokens)
      .where(eq(tokens.token_hash, token_hash));
    return row !== undefined && row.used_at === null;
  },
  async rotate(used, next, at) {
    const used_at = at.toISOString();
    const [row] = await db
      .update(tokens)
      .set({ used_at })
      .where(eq(tokens.token_hash, used))
      .returning({ session_id: tokens.session_id });
    if (!row) throw new Error('The token was locked and is gone');
    await db
      .insert(tokens)
      .values({ token_hash: next, session_id: row.session_id, issued_at: used_at });
  },
});

export const createSessionStore = (db: Db): SessionStore => ({
  ...ofSessions(db),
  ...ofTokens(db),
});

/** Prepared once, on the pool: it runs whenever memory does not know a session. */
export const createMemberStore = (db: Db): MemberStore => {
  const query = db
    .select({
      session_id: t.id,
      user_id: t.user_id,
      expires_at: t.expires_at,
      username: usersTable.username,
      role: usersTable.role,
      state: usersTable.state,
    })
    .from(t)
    .innerJoin(usersTable, eq(usersTable.id, t.user_id))
    .where(
      and(
        eq(t.id, sql.placeholder('session_id')),
        isNull(t.ended_at),
        gt(t.expires_at, sql`now()`),
      ),
    )
    .prepare('member_of_session');
  return {
    async findMember(session_id) {
      const [row] = await query.execute({ session_id });
      if (!row || row.state === 'banned' || row.state === 'deleted') return undefined;
      return { type: 'member', ...row };
    },
  };
};

const FORGOTTEN_AFTER = sql`interval '15 minutes'`;
const FREE_FAILURES = 5;

/** 1, 2, 4 … at most 900 s after the sixth failure in a row and each one after it. */
const slowedUntil = (failures: SQL, at: SQL) =>
  sql`case when ${failures} > ${FREE_FAILURES} then ${at} + least(900, power(2, least(${failures} - ${FREE_FAILURES + 1}, 20))) * interval '1 second' end`;

export const createLoginAttempts = (db: Db): LoginAttempts => ({
  async begin(key, at) {
    const now = sql`${at.toISOString()}::timestamptz`;
    const failures = sql`(case when ${attempts.last_failed_at} < ${now} - ${FORGOTTEN_AFTER} then 1 else ${attempts.failures} + 1 end)`;
    const counted = await db
      .insert(attempts)
      .values({ key, failures: 1, last_failed_at: at.toISOString() })
      .onConflictDoUpdate({
        target: attempts.key,
        set: { failures, last_failed_at: now, slowed_until: slowedUntil(failures, now) },
        setWhere: sql`coalesce(${attempts.slowed_until}, '-infinity') <= ${now}`,
      })
      .returning({ failures: attempts.failures });
    return counted.length > 0;
  },
  async forgive(key) {
    await db.delete(attempts).where(eq(attempts.key, key));
  },
});

/** Counters that are long forgotten, and sessions that nobody can refresh or ask about any more. */
export const purgeSignIns = async (db: Db, now: Date): Promise<void> => {
  const at = sql`${now.toISOString()}::timestamptz`;
  await db.delete(attempts).where(sql`${attempts.last_failed_at} < ${at} - interval '1 day'`);
  await db.delete(t).where(sql`least(${t.ended_at}, ${t.expires_at}) < ${at} - interval '30 days'`);
};
