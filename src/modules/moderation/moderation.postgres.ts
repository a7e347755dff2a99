import { and, asc, count, eq, gt, isNull, lt, not, sql } from 'drizzle-orm';
import type { Db } from '#platform/postgres/database.ts';
import { violates } from '#platform/postgres/failures.ts';
import { below, cut } from '#platform/postgres/paging.ts';
import { stateOf } from './decision.ts';
import type { DecisionStore, RuleStore, StrikeStore } from './moderation.ports.ts';
import {
  moderationDecisionsTable as decisions,
  moderationRulesTable as t,
  moderationStrikesTable as strikes,
} from './moderation.table.ts';
import { moderationErrors, type NewRule, type Rule } from './rule.ts';

/** Changed rules are told of on this channel, when the change commits. */
export const RULES_CHANNEL = 'veza_moderation';

/** Of `pg_advisory_xact_lock`: the first rules are written once, over all processes. */
const FIRST_RULES_LOCK = 7_305_441_903;

const ruleColumns = {
  id: t.id,
  name: t.name,
  kind: t.kind,
  action: t.action,
  scopes: t.scopes,
  language: t.language,
  settings: t.settings,
  score: t.score,
  enabled: t.enabled,
  version: t.version,
};

type RuleRow = Pick<typeof t.$inferSelect, keyof typeof ruleColumns>;

/** Only checked rules are written: settings are of their kind. */
const ruleOf = (row: RuleRow): Rule => row as Rule;

const announce = (db: Db) => db.execute(sql`select pg_notify(${RULES_CHANNEL}, '')`);

const orNameTaken = (fault: unknown): never => {
  if (violates(fault, 'idx_moderation_rules_name'))
    throw moderationErrors.nameTaken({ cause: fault });
  throw fault;
};

const asNew = (rule: NewRule, at: Date) => ({
  ...rule,
  created_at: at.toISOString(),
  updated_at: at.toISOString(),
});

const readingRules = (db: Db): Pick<RuleStore, 'findMany' | 'lockOneById'> => ({
  async findMany() {
    const rows = await db
      .select(ruleColumns)
      .from(t)
      .where(isNull(t.removed_at))
      .orderBy(asc(t.id));
    return rows.map(ruleOf);
  },
  async lockOneById(id) {
    const [row] = await db
      .select(ruleColumns)
      .from(t)
      .where(and(eq(t.id, id), isNull(t.removed_at)))
      .for('update');
    return row && ruleOf(row);
  },
});

export const createRuleStore = (db: Db): RuleStore => ({
  ...readingRules(db),
  async insertOne(rule, at) {
    const inserted = db.insert(t).values(asNew(rule, at)).returning(ruleColumns);
    const [row] = await inserted.catch(orNameTaken);
    if (!row) throw new Error('An insert answered no row');
    await announce(db);
    return ruleOf(row);
  },
  async updateOne(id, rule, at) {
    const updated = db
      .update(t)
      .set({ ...rule, version: sql`${t.version} + 1`, updated_at: at.toISOString() })
      .where(eq(t.id, id))
      .returning(ruleColumns);
    const [row] = await updated.catch(orNameTaken);
    if (!row) throw new Error('The rule was locked and is gone');
    await announce(db);
    return ruleOf(row);
  },
  async removeOne(id, at) {
    await db.update(t).set({ removed_at: at.toISOString() }).where(eq(t.id, id));
    await announce(db);
  },
  async insertFirst(rules, at) {
    await db.execute(sql`select pg_advisory_xact_lock(${FIRST_RULES_LOCK})`);
    const [any] = await db.select({ id: t.id }).from(t).limit(1);
    if (any) return;
    await db.insert(t).values(rules.map((rule) => asNew(rule, at)));
    await announce(db);
  },
});

const decisionColumns = {
  id: decisions.id,
  scope: decisions.scope,
  subject_kind: decisions.subject_kind,
  subject_id: decisions.subject_id,
  author_id: decisions.author_id,
  action: decisions.action,
  findings: decisions.findings,
  state: decisions.state,
  text: decisions.text,
  decided_by: decisions.decided_by,
  created_at: decisions.created_at,
  decided_at: decisions.decided_at,
};

const isHeld = eq(decisions.state, 'held');

export const createDecisionStore = (db: Db): DecisionStore => ({
  async insertOne(decision, at) {
    const rule_ids = [...new Set(decision.findings.map(({ rule_id }) => rule_id))];
    const state = stateOf(decision);
    const row = { ...decision, rule_ids, state, created_at: at.toISOString() };
    const [inserted] = await db.insert(decisions).values(row).returning(decisionColumns);
    if (!inserted) throw new Error('An insert answered no row');
    return inserted;
  },
  async findOneById(id) {
    const [row] = await db.select(decisionColumns).from(decisions).where(eq(decisions.id, id));
    return row;
  },
  findManyHeld(slice) {
    const found = db
      .select(decisionColumns)
      .from(decisions)
      .where(and(isHeld, below(decisions, slice)));
    return cut(found.$dynamic(), decisions, slice);
  },
  async countHeld() {
    const [row] = await db.select({ total: count() }).from(decisions).where(isHeld);
    return row?.total ?? 0;
  },
  async decideOne({ id, state, decided_by, at }) {
    const [row] = await db
      .update(decisions)
      .set({ state, decided_by, decided_at: at.toISOString() })
      .where(and(eq(decisions.id, id), isHeld))
      .returning(decisionColumns);
    return row;
  },
});

export const createStrikeStore = (db: Db): StrikeStore => ({
  async insertOne(strike) {
    await db.insert(strikes).values(strike);
  },
  findManySince: (user_id, since) =>
    db
      .select({ weight: strikes.weight, at: strikes.at })
      .from(strikes)
      .where(and(eq(strikes.user_id, user_id), gt(strikes.at, since.toISOString()))),
});

/** How long a decision can be asked about. */
const KEPT_DAYS = 180;
const DAY_MS = 86_400_000;

/** Held texts stay until they are decided. */
export const purgeDecisions = async (
  db: Db,
  { now, strikes_since }: { now: Date; strikes_since: Date },
): Promise<void> => {
  const before = new Date(now.getTime() - KEPT_DAYS * DAY_MS).toISOString();
  await db.delete(decisions).where(and(not(isHeld), lt(decisions.created_at, before)));
  await db.delete(strikes).where(lt(strikes.at, strikes_since.toISOString()));
};
