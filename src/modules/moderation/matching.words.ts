import { normalise, type Normalised, spanOf } from './normalise.ts';
import { type Finding, findingOf, type RuleOf } from './rule.ts';
import { isWordlike, lettersOf, type Line, readLeet, type Token, type Tokens } from './tokens.ts';
import { wordsOf } from './word-lists.ts';

type WordRule = RuleOf<'word'>;

/** What is looked up, each form with the rules that have it. */
type Index = {
  whole: Map<string, WordRule[]>;
  /** How words begin: what is shorter is not looked for in disguise. */
  beginnings: Set<string>;
  /** Words without doubled letters, for those that were drawn out. */
  drawn: Map<string, WordRule[]>;
  /** Like `drawn`, of words that had no doubled letters before: one doubled letter is enough for these. */
  single: Map<string, WordRule[]>;
  /** With stars for letters. */
  starred: Map<string, WordRule[]>;
  /** By their first word. */
  phrases: Map<string, { words: string[]; rule: WordRule }[]>;
  parts: { text: string; rule: WordRule }[];
};

const LEAST_LENGTH = 4;
const LONGEST_SPACED = 14;
const DRAWN = 0.9;
const STARRED = 0.7;
const SPACED = 0.8;
const PART = 0.8;

const add = <T>(map: Map<string, T[]>, key: string, value: T): void => {
  const known = map.get(key);
  if (!known) map.set(key, [value]);
  else if (!known.includes(value)) known.push(value);
};

/** One letter for each run of the same. */
const squeeze = (word: string): string => {
  let squeezed = '';
  for (let at = 0; at < word.length; at += 1)
    if (word.charCodeAt(at) !== word.charCodeAt(at - 1)) squeezed += word.charAt(at);
  return squeezed;
};

/** A word with one of its inner letters starred, or all of them. */
const starredForms = (word: string): string[] => {
  const inner = Array.from({ length: word.length - 2 }, (_, at) => at + 1);
  return [
    ...inner.map((at) => `${word.slice(0, at)}*${word.slice(at + 1)}`),
    ...inner.slice(1).map((at) => `${word.slice(0, at - 1)}**${word.slice(at + 1)}`),
    `${word[0]}${'*'.repeat(word.length - 2)}${word.at(-1)}`,
  ];
};

const addWord = (index: Index, word: string, rule: WordRule): void => {
  add(index.whole, word, rule);
  index.beginnings.add(word.slice(0, LEAST_LENGTH));
  const squeezed = squeeze(word);
  if (squeezed.length < LEAST_LENGTH) return;
  add(index.drawn, squeezed, rule);
  if (squeezed === word) add(index.single, word, rule);
  for (const form of starredForms(word)) add(index.starred, form, rule);
};

const addEntry = (index: Index, written: string, rule: WordRule): void => {
  const text = normalise(written).text.trim();
  const words = text.split(/[^\p{L}\d]+/u).filter(Boolean);
  const [first] = words;
  if (first === undefined) return;
  if (rule.settings.match === 'part') index.parts.push({ text, rule });
  if (words.length === 1) addWord(index, first, rule);
  else {
    add(index.phrases, first, { words, rule });
    addWord(index, words.join(''), rule);
  }
};

const entriesOf = ({ settings }: WordRule): readonly string[] => [
  ...settings.words,
  ...settings.lists.flatMap(wordsOf),
];

const createIndex = (rules: readonly WordRule[]): Index => {
  const index: Index = {
    whole: new Map(),
    beginnings: new Set(),
    drawn: new Map(),
    single: new Map(),
    starred: new Map(),
    phrases: new Map(),
    parts: [],
  };
  for (const rule of rules) for (const entry of entriesOf(rule)) addEntry(index, entry, rule);
  return index;
};

type Report = (
  rules: readonly WordRule[] | undefined,
  place: Pick<Token, 'from' | 'to'>,
  certainty: number,
) => void;

const hasRun = (word: string, least: number): boolean => {
  let run = 1;
  for (let at = 1; at < word.length; at += 1) {
    run = word.charCodeAt(at) === word.charCodeAt(at - 1) ? run + 1 : 1;
    if (run >= least) return true;
  }
  return false;
};

/** As it is; drawn out (`shiiiit`); with a letter doubled (`shiit`). */
const lookUp = (index: Index, token: Token, { report, certainty }: Looking): void => {
  const exact = index.whole.get(token.text);
  if (exact) return report(exact, token, certainty);
  if (token.text.length <= LEAST_LENGTH || !hasRun(token.text, 2)) return;
  const forms = hasRun(token.text, 3) ? index.drawn : index.single;
  report(forms.get(squeeze(token.text)), token, certainty * DRAWN);
};
type Looking = { report: Report; certainty: number };

const lookUpPhrases = (index: Index, words: readonly Token[], report: Report): void => {
  for (const [at, { text, from }] of words.entries())
    for (const { words: wanted, rule } of index.phrases.get(text) ?? []) {
      const last = words[at + wanted.length - 1];
      if (last && wanted.every((word, next) => words[at + next]?.text === word))
        report([rule], { from, to: last.to }, 1);
    }
};

const lookUpLine = (index: Index, { text, pieces }: Line, report: Report): void => {
  for (let at = 0; at + LEAST_LENGTH <= text.length; at += 1) {
    if (!index.beginnings.has(text.slice(at, at + LEAST_LENGTH))) continue;
    for (let length = LEAST_LENGTH; length <= LONGEST_SPACED; length += 1) {
      const [first, last] = [pieces[at], pieces[at + length - 1]];
      if (!first || !last) break;
      const found = index.whole.get(text.slice(at, at + length));
      if (found && isWordlike(length, lettersOf(pieces.slice(at, at + length))))
        report(found, { from: first.from, to: last.to }, SPACED);
    }
  }
};

const MOST_FINDINGS = 100;

/** As it is written, and with digits and signs read as letters. */
const lookUpParts = (index: Index, written: string, report: Report): void => {
  if (index.parts.length === 0) return;
  const read = readLeet(written);
  for (const text of read === written ? [written] : [written, read])
    for (const { text: part, rule } of index.parts)
      for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length))
        report([rule], { from: at, to: at + part.length }, PART);
};

/** Finds words of all rules at once, in time that grows with the text and hardly with the lists. */
export const compileWords = (rules: readonly WordRule[]) => {
  const index = createIndex(rules);
  return (normalised: Normalised, { words, disguised, starred, lines }: Tokens): Finding[] => {
    const findings: Finding[] = [];
    const report: Report = (found, { from, to }, certainty) => {
      if (!found || findings.length >= MOST_FINDINGS) return;
      const span = spanOf(normalised, from, to);
      for (const rule of found) findings.push(findingOf(rule, span, certainty));
    };
    for (const word of words) lookUp(index, word, { report, certainty: 1 });
    lookUpPhrases(index, words, report);
    for (const token of disguised) lookUp(index, token, { report, certainty: token.certainty });
    for (const token of starred) report(index.starred.get(token.text), token, STARRED);
    for (const line of lines) lookUpLine(index, line, report);
    lookUpParts(index, normalised.text, report);
    return findings;
  };
};
