import { and, asc, gte, lte, sql } from 'drizzle-orm';
import type { Db } from '#platform/postgres/database.ts';
import type { MeasureReads, MeasureWrites } from './analytics.ports.ts';
import { dailyMeasuresTable as t } from './analytics.table.ts';

export const createMeasureReads = (db: Db): MeasureReads => ({
  findManyByDay: ({ since, until }) =>
    db
      .select()
      .from(t)
      .where(and(gte(t.day, since), lte(t.day, until)))
      .orderBy(asc(t.day), asc(t.measure)),
});

/** On a transaction. */
export const createMeasureWrites = (db: Db): MeasureWrites => ({
  async add(more) {
    await db
      .insert(t)
      .values(more)
      .onConflictDoUpdate({
        target: [t.day, t.measure],
        set: {
          total: sql`${t.total} + excluded.total`,
          amount: sql`${t.amount} + excluded.amount`,
        },
      });
  },
});
