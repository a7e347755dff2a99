import type { EventConsumer } from '#platform/events/consumer.ts';
import type { Db } from '#platform/postgres/database.ts';
import { counted, measureOf } from './analytics.counting.ts';
import type { MeasureWrites } from './analytics.ports.ts';

export const countMeasures = (measuresOn: (db: Db) => MeasureWrites): EventConsumer => ({
  name: 'analytics',
  events: counted,
  async handle(event, db) {
    const more = measureOf(event);
    if (more) await measuresOn(db).add(more);
  },
});
