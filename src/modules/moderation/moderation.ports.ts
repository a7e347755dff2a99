import type { Slice } from '#kernel/feed.ts';
import type { AuditTrail } from '#modules/audit/audit.events.ts';
import type { Decision, DecisionState, NewDecision } from './decision.ts';
import type { RecentTexts } from './facts.ts';
import type { CompiledRules } from './review.ts';
import type { NewRule, Rule, Scope } from './rule.ts';
import type { Standing, Strike, StrikePolicy } from './strike.ts';

export interface RuleStore {
  /** All that were not removed, by id. */
  findMany(): Promise<Rule[]>;
  lockOneById(id: number): Promise<Rule | undefined>;
  /** Refuses a name that another rule has. Every process is told at commit, as of each change below. */
  insertOne(rule: NewRule, at: Date): Promise<Rule>;
  updateOne(id: number, rule: NewRule, at: Date): Promise<Rule>;
  /** Decisions go on naming it. */
  removeOne(id: number, at: Date): Promise<void>;
  /** Unless there is, or ever was, a rule. */
  insertFirst(rules: readonly NewRule[], at: Date): Promise<void>;
}

export type Deciding = {
  id: number;
  state: Extract<DecisionState, 'released' | 'rejected'>;
  decided_by: number;
  at: Date;
};

export interface DecisionStore {
  insertOne(decision: NewDecision, at: Date): Promise<Decision>;
  findOneById(id: number): Promise<Decision | undefined>;
  findManyHeld(slice: Slice): Promise<Decision[]>;
  countHeld(): Promise<number>;
  /** Of any number of callers one gets the decision; undefined when it is not held, or not any more. */
  decideOne(deciding: Deciding): Promise<Decision | undefined>;
}

export interface StrikeStore {
  insertOne(strike: Strike & { user_id: number }): Promise<void>;
  findManySince(user_id: number, since: Date): Promise<Strike[]>;
}

/** The rules as they are now, ready for use. */
export interface RuleBook {
  of(scope: Scope): Promise<CompiledRules>;
  /** Rules have changed: they are read again before the next text. */
  forget(): void;
}

/** Bound to a transaction: what is written is committed with the text, or not at all. */
export interface ModerationRecords {
  record(decision: NewDecision): Promise<Decision>;
  /** Adds to what stands against a user, by what was decided. */
  strike(user_id: number, action: NewDecision['action']): Promise<Standing>;
  /** Settles a held text once: refuses one that is decided already. */
  decide(deciding: Omit<Deciding, 'at'>): Promise<Decision>;
}

export type ModerationStores = {
  rules: RuleStore;
  records: ModerationRecords;
  audit: AuditTrail;
};

export type Deps = {
  book: RuleBook;
  recent: RecentTexts;
  rules: Pick<RuleStore, 'findMany'>;
  decisions: Pick<DecisionStore, 'findManyHeld' | 'countHeld'>;
  strikes: Pick<StrikeStore, 'findManySince'>;
  inTransaction: <T>(work: (stores: ModerationStores) => Promise<T>) => Promise<T>;
  policy: StrikePolicy;
  now: () => Date;
};
