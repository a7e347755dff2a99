import { and, asc, count, eq, gte, inArray, isNotNull, isNull, lt, min, sql } from 'drizzle-orm';
import type { EventRecord, Fact } from '#kernel/event.ts';
import { outboxTable as t } from '../outbox.table.ts';
import type { Db } from '../postgres/database.ts';
import { inSteps, STEP } from '../postgres/steps.ts';

/** An event of the outbox, and where it stands there. */
export type Outgoing = { position: number; event: EventRecord };

/** Of `pg_try_advisory_xact_lock`: one relay at a time, over all processes. */
const LOCK = 7_305_441_903;

const eventOf = (row: typeof t.$inferSelect): EventRecord => ({
  id: row.event_id,
  name: row.name,
  version: row.version,
  aggregate: { type: row.aggregate_type, id: row.aggregate_id },
  occurred_at: row.occurred_at,
  request_id: row.request_id,
  payload: row.payload,
});

const outgoingOf = (row: typeof t.$inferSelect): Outgoing => ({
  position: row.id,
  event: eventOf(row),
});

export const insertFact = async (db: Db, { aggregate, ...fact }: Fact): Promise<void> => {
  await db
    .insert(t)
    .values({ ...fact, aggregate_type: aggregate.type, aggregate_id: aggregate.id });
};

/** Whether this transaction is the one that relays. */
export const takeRelay = async (db: Db): Promise<boolean> => {
  const { rows } = await db.execute<{ taken: boolean }>(
    sql`select pg_try_advisory_xact_lock(${LOCK}) as taken`,
  );
  return rows[0]?.taken === true;
};

const unrelayed = and(isNull(t.relayed_at), isNull(t.fault));

/** Whatever is committed and was not relayed, however late it committed, in the order of writing. */
export const findUnrelayed = async (db: Db, limit: number): Promise<Outgoing[]> => {
  const rows = await db.select().from(t).where(unrelayed).orderBy(asc(t.id)).limit(limit);
  return rows.map(outgoingOf);
};

export const findManyByPosition = async (
  db: Db,
  positions: readonly number[],
): Promise<EventRecord[]> => {
  const rows = await db
    .select()
    .from(t)
    .where(inArray(t.id, [...positions]))
    .orderBy(asc(t.id));
  return rows.map(eventOf);
};

export const markRelayed = async (db: Db, positions: readonly number[]): Promise<void> => {
  if (positions.length === 0) return;
  await db
    .update(t)
    .set({ relayed_at: sql`now()` })
    .where(sql`${t.id} = any(${sql.param([...positions])}::bigint[])`);
};

export const markUnfit = async (db: Db, position: number, fault: string): Promise<void> => {
  await db.update(t).set({ fault }).where(eq(t.id, position));
};

/** Which events to relay again; all that are kept when nothing is said. */
export type ReplayFilter = {
  since?: string | undefined;
  until?: string | undefined;
  name?: string | undefined;
};

/** Has events relayed again, and answers how many. Consumers that handled them do nothing. */
export const markForReplay = async (
  db: Db,
  { since, until, name }: ReplayFilter,
): Promise<number> => {
  const { rows } = await db.execute<{ began: string }>(sql`select now()::text as began`);
  const wanted = and(
    isNotNull(t.relayed_at),
    // What is relayed again meanwhile is not what was asked for.
    sql`${t.relayed_at} < ${rows[0]?.began}::timestamptz`,
    since === undefined ? undefined : gte(t.occurred_at, since),
    until === undefined ? undefined : lt(t.occurred_at, until),
    name === undefined ? undefined : eq(t.name, name),
  );
  return inSteps(async () => {
    const some = db.select({ id: t.id }).from(t).where(wanted).orderBy(asc(t.id)).limit(STEP);
    const { rowCount } = await db.update(t).set({ relayed_at: null }).where(inArray(t.id, some));
    return rowCount ?? 0;
  });
};

export type Backlog = { rows: number; lag_seconds: number; unfit: number };

export const findBacklog = async (db: Db): Promise<Backlog> => {
  const [waiting] = await db
    .select({ rows: count(), oldest: min(t.occurred_at) })
    .from(t)
    .where(unrelayed);
  const [unfit] = await db
    .select({ rows: count() })
    .from(t)
    .where(and(isNull(t.relayed_at), isNotNull(t.fault)));
  const oldest = waiting?.oldest ? Date.parse(waiting.oldest) : Date.now();
  return {
    rows: waiting?.rows ?? 0,
    lag_seconds: Math.max(0, (Date.now() - oldest) / 1000),
    unfit: unfit?.rows ?? 0,
  };
};

export const purgeOutbox = (db: Db): Promise<number> => {
  const old = sql`${t.relayed_at} < now() - interval '24 hours'`;
  return inSteps(async () => {
    const some = db.select({ id: t.id }).from(t).where(old).limit(STEP);
    return (await db.delete(t).where(inArray(t.id, some))).rowCount ?? 0;
  });
};

export type Unfit = { position: number; event: EventRecord; fault: string };

const isUnfit = and(isNull(t.relayed_at), isNotNull(t.fault));

export const findUnfit = async (db: Db, limit: number): Promise<Unfit[]> => {
  const rows = await db.select().from(t).where(isUnfit).orderBy(asc(t.id)).limit(limit);
  return rows.map((row) => ({ ...outgoingOf(row), fault: row.fault ?? '' }));
};

/** Tries those that could not be relayed again, one or all of them. */
export const releaseUnfit = async (db: Db, position?: number): Promise<number> => {
  const which = position === undefined ? isUnfit : and(isUnfit, eq(t.id, position));
  const { rowCount } = await db.update(t).set({ fault: null }).where(which);
  return rowCount ?? 0;
};
