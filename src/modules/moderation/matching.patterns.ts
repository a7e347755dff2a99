import { RE2JS } from 're2js';
import { type Normalised, spanOf } from './normalise.ts';
import { type Finding, findingOf, type RuleOf, type Span } from './rule.ts';

const MOST_MATCHES = 20;
/** Instructions of a compiled pattern: what a match costs for each character. */
const LARGEST_PROGRAM = 2000;

const compile = (pattern: string): RE2JS => RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);

/** Why a pattern cannot be used; undefined when it can. Matching takes linear time whatever the pattern (RE2). */
export const problemOf = (pattern: string): string | undefined => {
  try {
    const compiled = compile(pattern);
    if (compiled.programSize() > LARGEST_PROGRAM) return 'Is too large';
    return compiled.test('') ? 'Must not match an empty text' : undefined;
  } catch {
    return 'Is not a pattern (RE2 syntax)';
  }
};

const matches = (pattern: RE2JS, text: string): Span[] => {
  const spans: Span[] = [];
  const matcher = pattern.matcher(text);
  while (spans.length < MOST_MATCHES && matcher.find())
    spans.push({ start: matcher.start(), end: matcher.end() });
  return spans.filter(({ start, end }) => end > start);
};

export const compilePattern = (rule: RuleOf<'pattern'>) => {
  const { pattern, on } = rule.settings;
  const compiled = compile(pattern);
  return (normalised: Normalised): Finding[] => {
    if (on === 'written')
      return matches(compiled, normalised.written).map((span) => findingOf(rule, span));
    return matches(compiled, normalised.text).map(({ start, end }) =>
      findingOf(rule, spanOf(normalised, start, end)),
    );
  };
};
