import type { Deps } from './moderation.ports.ts';
import { held, reject, release } from './moderation.queue.ts';
import { readStanding } from './moderation.records.ts';
import { createRule, listRules, removeRule, updateRule } from './moderation.rules.ts';
import { judge, reviewText, vet } from './moderation.texts.ts';
import type { Standing } from './strike.ts';

/** What stands against a user, as it has decayed until now. */
const standingOf =
  (deps: Deps) =>
  (user_id: number): Promise<Standing> =>
    readStanding(deps, user_id);

export const createModerationService = (deps: Deps) => ({
  review: reviewText(deps),
  judge: judge(deps),
  vet: vet(deps),
  standingOf: standingOf(deps),
  held: held(deps),
  release: release(deps),
  reject: reject(deps),
  listRules: listRules(deps),
  createRule: createRule(deps),
  updateRule: updateRule(deps),
  removeRule: removeRule(deps),
});
