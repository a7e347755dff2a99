import { and, asc, count, eq, inArray, type SQL, sql } from 'drizzle-orm';
import type { EventRecord } from '#kernel/event.ts';
import { inboxTable as t, streamPositionsTable as positions } from '../inbox.table.ts';
import type { Db } from '../postgres/database.ts';
import { inSteps, STEP } from '../postgres/steps.ts';
import type { EventConsumer } from './consumer.ts';

/** An event that waits for a consumer. */
export type Incoming = { id: number; event: EventRecord; attempts: number };

export const MOST_ATTEMPTS = 5;

const rowsFor = (consumers: readonly EventConsumer[], events: readonly EventRecord[]) =>
  events.flatMap((event) =>
    consumers
      .filter(({ events }) => events.includes(event.name))
      .map(({ name: consumer }) => ({
        consumer,
        event_id: event.id,
        aggregate_type: event.aggregate.type,
        aggregate_id: event.aggregate.id,
        event,
      })),
  );

/** Notes the events for whoever wants them; those that came before are left as they are. */
export const insertArrivals = async (
  db: Db,
  consumers: readonly EventConsumer[],
  events: readonly EventRecord[],
): Promise<void> => {
  const rows = rowsFor(consumers, events);
  if (rows.length > 0) await db.insert(t).values(rows).onConflictDoNothing();
};

/** The oldest that wait, among which to look; so a long backlog makes no long query. */
const WINDOW = 2000;
const MOST_LANES = 50;

/** Written out, not as parameters: these are the conditions of the indexes. */
const isPending = sql`${t.state} = 'pending'`;
const isParked = sql`${t.state} = 'parked'`;

const oldestOf = (consumer: string): SQL =>
  sql`select id, aggregate_type, aggregate_id, due_at from inbox
      where consumer = ${consumer} and state = 'pending' order by id limit ${WINDOW}`;

type Lane = { aggregate_type: string; aggregate_id: number };

/** Aggregates whose first waiting event is due; until the transaction ends nobody else is given them. */
const lockLanes = (db: Db, consumer: string): Promise<Lane[]> => {
  const first = sql`(
    select id from (
      select distinct on (aggregate_type, aggregate_id) id, due_at from (${oldestOf(consumer)}) oldest
      order by aggregate_type, aggregate_id, id) firsts
    where due_at <= clock_timestamp() order by id limit ${MOST_LANES})`;
  return db
    .select({ aggregate_type: t.aggregate_type, aggregate_id: t.aggregate_id })
    .from(t)
    .where(and(eq(t.consumer, consumer), isPending, sql`${t.id} in ${first}`))
    .for('update', { skipLocked: true });
};

/** Events of a consumer to be handled now, in their order, with nobody else in this transaction's way. */
export const takeDue = async (db: Db, consumer: string, limit: number): Promise<Incoming[]> => {
  const lanes = await lockLanes(db, consumer);
  if (lanes.length === 0) return [];
  const types = sql.param(lanes.map(({ aggregate_type }) => aggregate_type));
  const ids = sql.param(lanes.map(({ aggregate_id }) => aggregate_id));
  const inLanes = sql`(
    select id from (${oldestOf(consumer)}) oldest
    where (aggregate_type, aggregate_id) in (
      select * from unnest(${types}::varchar[], ${ids}::bigint[]))
    order by id limit ${limit})`;
  return db
    .select({ id: t.id, event: t.event, attempts: t.attempts })
    .from(t)
    .where(and(eq(t.consumer, consumer), isPending, sql`${t.id} in ${inLanes}`))
    .orderBy(asc(t.id));
};

export const markDone = async (db: Db, consumer: string, ids: readonly number[]): Promise<void> => {
  if (ids.length === 0) return;
  await db
    .update(t)
    .set({ state: 'done', last_error: null, settled_at: sql`now()` })
    .where(and(eq(t.consumer, consumer), isPending, inArray(t.id, [...ids])));
};

const LONGEST_FAULT = 1000;

/** Due again after 1, 2, 4 and 8 seconds; parked after the fifth failure. Answers whether it was parked. */
export const markFailed = async (
  db: Db,
  { consumer, id, attempts: before }: Pick<Incoming, 'id' | 'attempts'> & { consumer: string },
  fault: string,
): Promise<boolean> => {
  const attempts = before + 1;
  const isLast = attempts >= MOST_ATTEMPTS;
  const due_at = sql`clock_timestamp() + ${2 ** before} * interval '1 second'`;
  await db
    .update(t)
    .set({
      attempts,
      due_at,
      last_error: fault.slice(0, LONGEST_FAULT),
      ...(isLast && { state: 'parked' as const, settled_at: sql`now()` }),
    })
    .where(and(eq(t.consumer, consumer), isPending, eq(t.id, id)));
  return isLast;
};

export const countParked = async (db: Db): Promise<number> => {
  const [row] = await db.select({ rows: count() }).from(t).where(isParked);
  return row?.rows ?? 0;
};

export type ParkedArrival = {
  id: number;
  consumer: string;
  event: EventRecord;
  attempts: number;
  last_error: string | null;
};

export const findParked = (db: Db, limit: number): Promise<ParkedArrival[]> =>
  db
    .select({
      id: t.id,
      consumer: t.consumer,
      event: t.event,
      attempts: t.attempts,
      last_error: t.last_error,
    })
    .from(t)
    .where(isParked)
    .orderBy(asc(t.id))
    .limit(limit);

/** Has parked events handled again, one or all of them, with five attempts before them. */
export const releaseParked = async (db: Db, id?: number): Promise<number> => {
  const { rowCount } = await db
    .update(t)
    .set({ state: 'pending', attempts: 0, due_at: sql`now()`, settled_at: null })
    .where(id === undefined ? isParked : and(isParked, eq(t.id, id)));
  return rowCount ?? 0;
};

/** Longer than any event can come again: outbox and stream keep them for less. */
export const purgeInbox = (db: Db): Promise<number> => {
  const old = sql`(
    select ctid from inbox where state = 'done' and settled_at < now() - interval '7 days'
    limit ${STEP})`;
  return inSteps(async () => {
    const { rowCount } = await db.delete(t).where(sql`ctid in ${old}`);
    return rowCount ?? 0;
  });
};

export type Position = { created: string; sequence: number };

export const findPosition = async (db: Db, stream: string): Promise<Position | undefined> => {
  const [row] = await db
    .select({ created: positions.created, sequence: positions.sequence })
    .from(positions)
    .where(eq(positions.stream, stream));
  return row;
};

/** Whether nobody else has read on since `from`. */
export const advancePosition = async (
  db: Db,
  stream: string,
  { from, to }: { from: Position | undefined; to: Position },
): Promise<boolean> => {
  if (!from) {
    const inserted = await db
      .insert(positions)
      .values({ stream, ...to })
      .onConflictDoNothing();
    return inserted.rowCount === 1;
  }
  const { rowCount } = await db
    .update(positions)
    .set(to)
    .where(
      and(
        eq(positions.stream, stream),
        eq(positions.created, from.created),
        eq(positions.sequence, from.sequence),
      ),
    );
  return rowCount === 1;
};
