import type { Action, Finding, Scope } from './rule.ts';

/** `held` waits for a moderator; what is `decided` was settled by the rules at once. */
export const decisionStates = ['decided', 'held', 'released', 'rejected'] as const;
export type DecisionState = (typeof decisionStates)[number];

/** What a text belongs to; without an id when it was refused before there was one. */
export type Subject = { kind: string; id: number | null };

/** What was done about a text, and why. */
export type NewDecision = {
  scope: Scope;
  subject_kind: string;
  subject_id: number | null;
  /** Null for those who were about to register. */
  author_id: number | null;
  action: Action;
  findings: readonly Finding[];
  /** Kept of held texts alone: a moderator has to read them. */
  text: string | null;
};

export type Decision = NewDecision & {
  id: number;
  state: DecisionState;
  decided_by: number | null;
  created_at: string;
  decided_at: string | null;
};

export const stateOf = ({ action }: Pick<NewDecision, 'action'>): DecisionState =>
  action === 'hold' ? 'held' : 'decided';
