import { type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Db } from './database.ts';

/** So many rows are changed in a moment: no statement outlives its deadline, however many there are in all. */
export const STEP = 5000;

/** Repeats a change of at most STEP rows until there are fewer, and answers how many they were. */
export const inSteps = async (change: () => Promise<number>): Promise<number> => {
  for (let total = 0; ;) {
    const changed = await change();
    total += changed;
    if (changed < STEP) return total;
  }
};

/** Deletes rows however many they are; outside of a transaction, so that none is locked for long. */
export const deleteInSteps = (db: Db, table: PgTable, which: SQL): Promise<number> =>
  inSteps(async () => {
    const some = sql`(select ctid from ${table} where ${which} limit ${STEP})`;
    return (await db.delete(table).where(sql`ctid in ${some}`)).rowCount ?? 0;
  });
