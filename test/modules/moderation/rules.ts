import { defaultRules } from '../../../src/modules/moderation/default-rules.ts';
import { type CompiledRules, compileRules } from '../../../src/modules/moderation/review.ts';
import type { NewRule, Rule, Scope } from '../../../src/modules/moderation/rule.ts';

const kept = (rules: readonly NewRule[]): Rule[] =>
  rules.map((rule, at) => ({ ...rule, id: at + 1, version: 1 }));

/** As a new installation has them. */
export const firstRules = (scope: Scope): CompiledRules => compileRules(kept(defaultRules), scope);

const common = {
  name: 'A rule',
  action: 'block',
  scopes: ['message'],
  language: null,
  score: 1,
  enabled: true,
} as const;

type Given = Pick<NewRule, 'kind' | 'settings'> & Partial<NewRule>;

/** Rules for messages that block, unless said otherwise. */
export const rulesOf = (...given: Given[]): CompiledRules =>
  compileRules(kept(given.map((rule) => ({ ...common, ...rule }))), 'message');
