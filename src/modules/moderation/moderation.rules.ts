import type { z } from 'zod';
import type { Member, Origin } from '#kernel/actor.ts';
import { parseWith } from '#kernel/validation.ts';
import type { AuditEventType } from '#modules/audit/audit.events.ts';
import { newRule } from './moderation.contract.ts';
import { assertMayChangeRules, assertMayModerate } from './moderation.policy.ts';
import type { Deps, ModerationStores } from './moderation.ports.ts';
import { moderationErrors, type NewRule, type Rule } from './rule.ts';

type WrittenRule = z.input<typeof newRule>;

export const listRules =
  ({ rules }: Deps) =>
  async (actor: Member): Promise<Rule[]> => {
    assertMayModerate(actor);
    return rules.findMany();
  };

type Change = {
  actor: Member;
  origin: Origin;
  event_type: AuditEventType;
  work: (stores: ModerationStores) => Promise<Rule>;
};

/** A change and its record, together; this process knows at once, the others within a second. */
const change = async (
  { inTransaction, book }: Deps,
  { actor, origin, event_type, work }: Change,
): Promise<Rule> => {
  assertMayChangeRules(actor);
  const rule = await inTransaction(async (stores) => {
    const changed = await work(stores);
    const { id, name, version } = changed;
    const details = { rule_id: id, name, version };
    const { user_id } = actor;
    await stores.audit.record({ event_type, user_id, origin, success: true, details });
    return changed;
  });
  book.forget();
  return rule;
};

const lock = async ({ rules }: ModerationStores, id: number): Promise<Rule> => {
  const rule = await rules.lockOneById(id);
  if (!rule) throw moderationErrors.notFound();
  return rule;
};

/** Refuses with VALIDATION_ERROR what is no rule, and patterns that do not compile. */
export const createRule =
  (deps: Deps) =>
  async (actor: Member, written: WrittenRule, origin: Origin): Promise<Rule> => {
    const rule: NewRule = parseWith(newRule, written);
    const event_type = 'admin_rule_created';
    const work = ({ rules }: ModerationStores) => rules.insertOne(rule, deps.now());
    return change(deps, { actor, origin, event_type, work });
  };

/** Fields that are absent stay as they are; the result is checked as a whole. */
export const updateRule =
  (deps: Deps) =>
  (
    actor: Member,
    { id, ...changes }: { id: number } & { [F in keyof NewRule]?: unknown },
    origin: Origin,
  ): Promise<Rule> => {
    const work = async (stores: ModerationStores): Promise<Rule> => {
      const { id: _id, version: _version, ...before } = await lock(stores, id);
      const rule: NewRule = parseWith(newRule, { ...before, ...changes });
      return stores.rules.updateOne(id, rule, deps.now());
    };
    return change(deps, { actor, origin, event_type: 'admin_rule_updated', work });
  };

/** Answers the rule as it was. */
export const removeRule =
  (deps: Deps) =>
  (actor: Member, id: number, origin: Origin): Promise<Rule> => {
    const work = async (stores: ModerationStores): Promise<Rule> => {
      const rule = await lock(stores, id);
      await stores.rules.removeOne(id, deps.now());
      return rule;
    };
    return change(deps, { actor, origin, event_type: 'admin_rule_removed', work });
  };
