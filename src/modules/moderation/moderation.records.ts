import type { DecisionStore, ModerationRecords, StrikeStore } from './moderation.ports.ts';
import { moderationErrors } from './rule.ts';
import { rememberedSince, type Standing, standingOf, type StrikePolicy } from './strike.ts';

type Deps = {
  decisions: DecisionStore;
  strikes: StrikeStore;
  policy: StrikePolicy;
  now: () => Date;
};

type Reading = Pick<Deps, 'policy' | 'now'> & { strikes: Pick<StrikeStore, 'findManySince'> };

export const readStanding = async (
  { strikes, policy, now }: Reading,
  user_id: number,
): Promise<Standing> => {
  const at = now();
  return standingOf(await strikes.findManySince(user_id, rememberedSince(policy, at)), policy, at);
};

/** Over stores that are bound to a transaction, or to none. */
export const createRecords = (deps: Deps): ModerationRecords => {
  const { decisions, strikes, policy, now } = deps;
  return {
    record: (decision) => decisions.insertOne(decision, now()),
    async strike(user_id, action) {
      const weight = policy.weights[action];
      if (weight > 0) await strikes.insertOne({ user_id, weight, at: now().toISOString() });
      return readStanding(deps, user_id);
    },
    async decide(deciding) {
      const decided = await decisions.decideOne({ ...deciding, at: now() });
      if (decided) return decided;
      throw (await decisions.findOneById(deciding.id))
        ? moderationErrors.alreadyDecided()
        : moderationErrors.notFound();
    },
  };
};
