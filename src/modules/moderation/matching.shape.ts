import { digestOf, type Facts, within } from './facts.ts';
import type { Normalised } from './normalise.ts';
import { type Finding, findingOf, type RuleOf, type Span } from './rule.ts';
import type { Tokens } from './tokens.ts';

const whole = ({ written }: Normalised): Span => ({ start: 0, end: written.length });

/** Capital and all letters of a text. */
const countLetters = (text: string): { upper: number; all: number } => {
  let upper = 0;
  let all = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    const isSmall = unit >= 97 && unit <= 122;
    const isBeyond = unit > 127 && /\p{L}/u.test(text.charAt(at));
    const isUpper = isBeyond ? /\p{Lu}/u.test(text.charAt(at)) : unit >= 65 && unit <= 90;
    if (isUpper) upper += 1;
    if (isSmall || isUpper || isBeyond) all += 1;
  }
  return { upper, all };
};

export const compileCaps = (rule: RuleOf<'caps'>) => {
  const { least_letters, share } = rule.settings;
  return (normalised: Normalised): Finding[] => {
    const { upper, all } = countLetters(normalised.written);
    return all >= least_letters && upper >= all * share ? [findingOf(rule, whole(normalised))] : [];
  };
};

/** The first run of more than `most` equal things. */
const runOf = (
  length: number,
  most: number,
  isSame: (at: number) => boolean,
): { first: number; last: number } | undefined => {
  for (let at = 1, first = 0; at <= length; at += 1) {
    if (at < length && isSame(at)) continue;
    if (at - first > most) return { first, last: at - 1 };
    first = at;
  }
  return undefined;
};

const runOfCharacters = ({ text, starts, ends }: Normalised, most: number): Span | undefined => {
  const run = runOf(
    text.length,
    most,
    (at) => text.charCodeAt(at) === text.charCodeAt(at - 1) && text.charCodeAt(at) !== 32,
  );
  return run && { start: starts[run.first] ?? 0, end: ends[run.last] ?? 0 };
};

const runOfWords = (
  { starts, ends }: Normalised,
  { words }: Tokens,
  most: number,
): Span | undefined => {
  const run = runOf(words.length, most, (at) => words[at]?.text === words[at - 1]?.text);
  const [first, last] = [words[run?.first ?? -1], words[run?.last ?? -1]];
  return first && last && { start: starts[first.from] ?? 0, end: ends[last.to - 1] ?? 0 };
};

/** Marks piled on one letter, as in text that climbs over its neighbours. */
const pilesOf = (most: number): RegExp => new RegExp(`\\p{M}{${most + 1},}`, 'u');

const pileOfMarks = ({ written }: Normalised, piles: RegExp): Span | undefined => {
  const found = piles.exec(written);
  return found ? { start: found.index, end: found.index + found[0].length } : undefined;
};

const isRepeated = (
  { settings }: RuleOf<'repetition'>,
  normalised: Normalised,
  facts: Facts,
): boolean => {
  const { most_messages, within_seconds } = settings;
  if (facts.recent.length < most_messages) return false;
  const digest = digestOf(normalised);
  const same = within(facts, within_seconds).filter((earlier) => earlier.digest === digest);
  return same.length >= most_messages;
};

export const compileRepetition = (rule: RuleOf<'repetition'>) => {
  const { most_characters, most_words, most_marks } = rule.settings;
  const piles = pilesOf(most_marks);
  return (normalised: Normalised, tokens: Tokens, facts: Facts): Finding[] => {
    const spans = [
      runOfCharacters(normalised, most_characters),
      runOfWords(normalised, tokens, most_words),
      pileOfMarks(normalised, piles),
      isRepeated(rule, normalised, facts) ? whole(normalised) : undefined,
    ];
    return spans.filter((span) => span !== undefined).map((span) => findingOf(rule, span));
  };
};

/** A name behind an `@` that is not part of an address. */
const MENTION = /(?<![\w.])@\w{3,50}/g;

export const compileMentions = (rule: RuleOf<'mentions'>) => {
  const { most } = rule.settings;
  return (normalised: Normalised, { mentions }: Facts): Finding[] => {
    const { written } = normalised;
    const counted = mentions ?? (written.includes('@') ? (written.match(MENTION) ?? []).length : 0);
    return counted > most ? [findingOf(rule, whole(normalised))] : [];
  };
};

export const compileFlood = (rule: RuleOf<'flood'>) => {
  const { most, within_seconds } = rule.settings;
  return (normalised: Normalised, facts: Facts): Finding[] =>
    facts.recent.length >= most && within(facts, within_seconds).length >= most
      ? [findingOf(rule, whole(normalised))]
      : [];
};
