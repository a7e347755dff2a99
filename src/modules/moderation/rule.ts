import { refusal, sharedErrors } from '#kernel/errors.ts';

/** Where a text stands; a rule names the places it is for. */
export const scopes = ['message', 'name', 'bio', 'title', 'comment', 'listing'] as const;
export type Scope = (typeof scopes)[number];

/** What a rule asks for, from the weakest to the strongest; `allow` shields what other rules find. */
export const actions = ['allow', 'warn', 'censor', 'hold', 'block', 'mute', 'ban'] as const;
export type Action = (typeof actions)[number];

export const languages = ['en', 'fr'] as const;
export type Language = (typeof languages)[number];

export type WordSettings = {
  words: readonly string[];
  /** Whole lists of words, beside those that are written here. */
  lists: readonly Language[];
  /** `part` finds a word inside of others, too. */
  match: 'word' | 'part';
};
export type PatternSettings = { pattern: string; on: 'written' | 'normalised' };
export type LinkSettings = {
  /** More links than this are too many. */
  most: number;
  denied_domains: readonly string[];
  /** Never found, and not counted. */
  allowed_domains: readonly string[];
  /** Accounts younger than this may link to allowed domains only. */
  trusted_after_hours: number;
};
export type CapsSettings = { least_letters: number; share: number };
export type RepetitionSettings = {
  most_characters: number;
  most_words: number;
  /** Combining marks on one letter. */
  most_marks: number;
  /** The same text again within the window. */
  most_messages: number;
  within_seconds: number;
};
export type MentionSettings = { most: number };
export type FloodSettings = { most: number; within_seconds: number };

type Kinds = {
  word: WordSettings;
  pattern: PatternSettings;
  link: LinkSettings;
  caps: CapsSettings;
  repetition: RepetitionSettings;
  mentions: MentionSettings;
  flood: FloodSettings;
};
export type Kind = keyof Kinds;

type Common = {
  name: string;
  action: Action;
  scopes: readonly Scope[];
  language: Language | null;
  /** How sure a finding is, from 0 to 1; what was disguised is a little less so. */
  score: number;
  enabled: boolean;
};

/** A rule before it is kept: data, one shape of settings for each kind. */
export type NewRule = { [K in Kind]: Common & { kind: K; settings: Kinds[K] } }[Kind];
export type RuleOf<K extends Kind> = Extract<NewRule, { kind: K }> & Kept;

/** `version` rises with each change, so that a decision can name what it was made by. */
type Kept = { id: number; version: number };
export type Rule = NewRule & Kept;

/** Of the written text, in UTF-16 units, `end` excluded. */
export type Span = { start: number; end: number };

/** Why a text was found fault with: which rule, where in what was written, how sure. */
export type Finding = Span & {
  rule_id: number;
  rule_version: number;
  rule_name: string;
  score: number;
  action: Action;
};

export const moderationErrors = {
  /** Answers a text outside of chat that may not be kept; chat has `MESSAGE_BLOCKED` and `SLOW_MODE`. */
  contentBlocked: refusal(
    'unprocessable',
    'CONTENT_BLOCKED',
    'This text breaks the rules of the community',
  ),
  nameTaken: refusal('conflict', 'CONFLICT', 'There is a rule of this name'),
  notFound: sharedErrors.notFound,
  forbidden: sharedErrors.forbidden,
  alreadyDecided: refusal('conflict', 'CONFLICT', 'Somebody has decided about this already'),
};

const strengthOf = (action: Action): number => actions.indexOf(action);

/** The strongest of some actions; `allow` of none. */
export const strongest = (found: readonly Action[]): Action =>
  found.reduce((most, action) => (strengthOf(action) > strengthOf(most) ? action : most), 'allow');

export const isAtLeast = (action: Action, than: Action): boolean =>
  strengthOf(action) >= strengthOf(than);

export const isIn = (rule: Pick<Rule, 'scopes' | 'enabled'>, scope: Scope): boolean =>
  rule.enabled && rule.scopes.includes(scope);

/** Narrows by kind what stays a rule. */
export const ofKind = <K extends Kind>(rules: readonly Rule[], kind: K): RuleOf<K>[] =>
  rules.filter((rule): rule is Rule & RuleOf<K> => rule.kind === kind);

type Explained = Kept & Pick<Rule, 'name' | 'score' | 'action'>;

/** @param certainty from 0 to 1: how plainly it was written */
export const findingOf = (
  { id, version, name, score, action }: Explained,
  { start, end }: Span,
  certainty = 1,
): Finding => ({
  rule_id: id,
  rule_version: version,
  rule_name: name,
  start,
  end,
  score: Math.round(score * certainty * 100) / 100,
  action,
});
