import { type Actor, hasRole } from '#kernel/actor.ts';
import type { Days, MeasureReads } from './analytics.ports.ts';
import { analyticsErrors, type DailyMeasure } from './measure.ts';

type Deps = { measures: MeasureReads };

const days =
  ({ measures }: Deps) =>
  async (actor: Actor, { since, until }: Days): Promise<DailyMeasure[]> => {
    if (!hasRole(actor, 'admin')) throw analyticsErrors.forbidden();
    return measures.findManyByDay({ since, until });
  };

export const createAnalyticsService = (deps: Deps) => ({ days: days(deps) });
