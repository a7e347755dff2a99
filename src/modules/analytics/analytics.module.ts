import type { Database } from '#platform/postgres/database.ts';
import { countMeasures } from './analytics.consumer.ts';
import { createMeasureReads, createMeasureWrites } from './analytics.postgres.ts';
import { createAnalyticsService } from './analytics.service.ts';

export const createAnalyticsModule = ({ database }: { database: Database }) => ({
  service: createAnalyticsService({ measures: createMeasureReads(database.db) }),
  consumers: [countMeasures(createMeasureWrites)],
});
