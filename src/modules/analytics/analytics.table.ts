import { date, pgTable, primaryKey, varchar } from 'drizzle-orm/pg-core';
import { big } from '#platform/postgres/columns.ts';
import type { Measure } from './measure.ts';

export const dailyMeasuresTable = pgTable(
  'daily_measures',
  {
    day: date().notNull(),
    measure: varchar({ length: 50 }).$type<Measure>().notNull(),
    total: big().notNull(),
    amount: big().notNull(),
  },
  (t) => [primaryKey({ columns: [t.day, t.measure] })],
);
