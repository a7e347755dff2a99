import type { Facts } from './facts.ts';
import { compileLinks } from './matching.links.ts';
import { compilePattern } from './matching.patterns.ts';
import { compileCaps, compileFlood, compileMentions, compileRepetition } from './matching.shape.ts';
import { compileWords } from './matching.words.ts';
import { normalise, type Normalised } from './normalise.ts';
import {
  type Action,
  type Finding,
  isIn,
  ofKind,
  type Rule,
  type Scope,
  type Span,
  strongest,
} from './rule.ts';
import { type Tokens, tokensOf } from './tokens.ts';

/** What became of a text: the strongest action, and why. `censored` is there when stars are all it takes. */
export type Review = { action: Action; findings: Finding[]; censored?: string };

type Matcher = (normalised: Normalised, tokens: Tokens, facts: Facts) => Finding[];

/** Rules of one place, made ready once for any number of texts. */
export type CompiledRules = { readonly matchers: readonly Matcher[] };

export const compileRules = (all: readonly Rule[], scope: Scope): CompiledRules => {
  const rules = all.filter((rule) => isIn(rule, scope));
  const findLinks = compileLinks(ofKind(rules, 'link'));
  return {
    matchers: [
      compileWords(ofKind(rules, 'word')),
      ...ofKind(rules, 'pattern').map(compilePattern),
      ({ written }, _tokens, facts) => findLinks(written, facts),
      ...ofKind(rules, 'caps').map(compileCaps),
      ...ofKind(rules, 'repetition').map(compileRepetition),
      ...ofKind(rules, 'mentions')
        .map(compileMentions)
        .map(
          (find): Matcher =>
            (normalised, _tokens, facts) =>
              find(normalised, facts),
        ),
      ...ofKind(rules, 'flood')
        .map(compileFlood)
        .map(
          (find): Matcher =>
            (normalised, _tokens, facts) =>
              find(normalised, facts),
        ),
    ],
  };
};

const covers = (shield: Span, { start, end }: Span): boolean =>
  shield.start <= start && end <= shield.end;

/** What an `allow` rule covers is found by nobody, and of what one rule found twice the surer counts. */
const sift = (all: readonly Finding[]): Finding[] => {
  if (all.length === 0) return [];
  const shields = all.filter(({ action }) => action === 'allow');
  const surest = new Map<string, Finding>();
  for (const finding of all) {
    if (finding.action === 'allow' || shields.some((shield) => covers(shield, finding))) continue;
    const key = `${finding.rule_id} ${finding.start} ${finding.end}`;
    const known = surest.get(key);
    if (!known || known.score < finding.score) surest.set(key, finding);
  }
  return [...surest.values()].sort((a, b) => a.start - b.start || b.score - a.score);
};

/** Every visible character of the spans becomes one star: the text keeps its length in code points. */
export const censor = (text: string, spans: readonly Span[]): string => {
  let censored = '';
  let at = 0;
  for (const { start, end } of [...spans].sort((a, b) => a.start - b.start)) {
    if (end <= at) continue;
    const from = Math.max(at, start);
    censored += text.slice(at, from) + text.slice(from, end).replaceAll(/\S/gu, '*');
    at = end;
  }
  return censored + text.slice(at);
};

const NOBODY: Facts = { now_ms: 0, recent: [] };

/** Pure: the same text, rules and facts always come to the same end. */
export const review = (
  text: string,
  { rules, facts = NOBODY }: { rules: CompiledRules; facts?: Facts | undefined },
): Review => {
  const normalised = normalise(text);
  const tokens = tokensOf(normalised);
  const findings = sift(rules.matchers.flatMap((find) => find(normalised, tokens, facts)));
  const action = strongest(findings.map((finding) => finding.action));
  if (action !== 'censor') return { action, findings };
  const spans = findings.filter((finding) => finding.action === 'censor');
  return { action, findings, censored: censor(text, spans) };
};
