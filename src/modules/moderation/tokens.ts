import { leet } from './homoglyphs.ts';
import type { Normalised } from './normalise.ts';

/** A word, or what may be one in disguise, at its place in the normalised text. */
export type Token = { text: string; from: number; to: number };

export type Disguised = Token & { certainty: number };

/** Letters set apart, in a row; `text` has one unit for each of the pieces. */
export type Line = { text: string; pieces: readonly Piece[] };

export type Piece = { from: number; to: number; letters: number };

export type Tokens = {
  /** Runs of letters, in order. */
  words: Token[];
  /** Readings of what was written with digits, signs or dots inside; how sure each is. */
  disguised: Disguised[];
  /** Runs with stars for some letters. */
  starred: Token[];
  lines: Line[];
};

const SPACE = 0;
const LETTER = 1;
const SIGN = 2;
const JOINER = 3;

const signs = new Set([...Object.keys(leet), '2', '6', '*']);
const joiners = new Set(["'", '.', '-', '_', '~', '/', ',', '`', '"', '^']);

const ofAscii = Uint8Array.from({ length: 128 }, (_, unit) => {
  const sign = String.fromCharCode(unit);
  if (/[a-z]/.test(sign)) return LETTER;
  if (signs.has(sign)) return SIGN;
  return joiners.has(sign) ? JOINER : SPACE;
});

/** Beyond ASCII the normaliser has left letters only, and spaces for the rest. */
const classOf = (unit: number): number => (unit < 128 ? (ofAscii[unit] ?? SPACE) : LETTER);

/** Lengths of the pieces that are worth putting together. */
const LEAST_JOINED = 4;
const MOST_JOINED = 40;

/** Digits and signs as the letters they stand for, one for one. */
export const readLeet = (run: string): string => {
  let read = '';
  for (const sign of run) read += leet[sign] ?? sign;
  return read;
};

/** Signs at both ends are punctuation or quotes more often than letters. */
const trimmed = (text: string, { from, to, letters }: Piece): Piece => {
  let [first, last] = [from, to];
  while (first < last && classOf(text.charCodeAt(first)) === SIGN) first += 1;
  while (last > first && classOf(text.charCodeAt(last - 1)) === SIGN) last -= 1;
  return { from: first, to: last, letters };
};

const readings = (run: string): string[] => {
  const read = readLeet(run);
  if (/[1!|]/.test(run)) return [read, readLeet(run.replaceAll(/[1!|]/g, 'l'))];
  return [read];
};

const DISGUISED = 0.9;
const JOINED = 0.8;

/** At least as many letters as signs, or it is a number or a key; and no longer than a word. */
export const isWordlike = (length: number, letters: number): boolean =>
  length >= LEAST_JOINED && length <= MOST_JOINED && letters * 2 >= length;

const readRun = (text: string, piece: Piece, into: Tokens): void => {
  const { from, to } = trimmed(text, piece);
  const ends = to < piece.to && to > from ? [to, piece.to] : [piece.to];
  for (const end of ends)
    for (const start of from > piece.from ? [piece.from, from] : [from]) {
      if (!isWordlike(end - start, piece.letters)) continue;
      const run = text.slice(start, end);
      if (run.includes('*')) into.starred.push({ text: run, from: start, to: end });
      else
        for (const read of readings(run))
          into.disguised.push({ text: read, from: start, to: end, certainty: DISGUISED });
    }
};

export const lettersOf = (pieces: readonly Piece[]): number =>
  pieces.reduce((sum, { letters }) => sum + letters, 0);

const readJoined = (text: string, pieces: readonly Piece[], into: Tokens): void => {
  const [first, last] = [pieces[0], pieces.at(-1)];
  if (!first || !last || pieces.length > MOST_JOINED) return;
  const { to } = trimmed(text, last);
  const run = pieces.map(({ from, to: end }) => text.slice(from, Math.min(end, to))).join('');
  if (!isWordlike(run.length, lettersOf(pieces))) return;
  for (const read of readings(run))
    into.disguised.push({ text: read, from: first.from, to, certainty: JOINED });
};

const isSingle = ({ from, to }: Piece): boolean => to - from === 1;

/** Of a line every word is looked for that may begin at one of its letters. */
const readSpaced = (text: string, pieces: readonly Piece[]): Line => ({
  text: readLeet(pieces.map(({ from }) => text.charAt(from)).join('')),
  pieces,
});

/** Pieces of letters and signs, with the number of letters in each. */
const piecesOf = (text: string, words: Token[]): Piece[] => {
  const pieces: Piece[] = [];
  let piece: Piece | undefined;
  let word = -1;
  for (let at = 0; at <= text.length; at += 1) {
    const kind = at < text.length ? classOf(text.charCodeAt(at)) : SPACE;
    if (kind === LETTER) {
      if (word < 0) word = at;
    } else if (word >= 0) {
      words.push({ text: text.slice(word, at), from: word, to: at });
      if (piece) piece.letters += at - word;
      word = -1;
    }
    if (kind === LETTER || kind === SIGN) piece ??= { from: at, to: at, letters: 0 };
    else if (piece) {
      piece.to = at;
      pieces.push(piece);
      piece = undefined;
    }
  }
  return pieces;
};

/** Whether one joiner and nothing else stands between two pieces. */
const isJoined = (text: string, before: Piece, after: Piece): boolean =>
  after.from - before.to === 1 && classOf(text.charCodeAt(before.to)) === JOINER;

/** Whether letters that stand alone belong to one line: at most three signs apart. */
const isNear = (before: Piece, after: Piece): boolean => after.from - before.to <= 3;

const groups = (
  pieces: readonly Piece[],
  belongs: (before: Piece, after: Piece) => boolean,
): Piece[][] => {
  const found: Piece[][] = [];
  let group: Piece[] = [];
  for (const piece of pieces) {
    const before = group.at(-1);
    if (before && belongs(before, piece)) group.push(piece);
    else {
      if (group.length > 1) found.push(group);
      group = [piece];
    }
  }
  if (group.length > 1) found.push(group);
  return found;
};

const areSpaced = (before: Piece, after: Piece): boolean =>
  isSingle(before) && isSingle(after) && isNear(before, after);

export const tokensOf = ({ text }: Normalised): Tokens => {
  const tokens: Tokens = { words: [], disguised: [], starred: [], lines: [] };
  const pieces = piecesOf(text, tokens.words);
  for (const piece of pieces)
    if (piece.letters > 0 && piece.letters < piece.to - piece.from) readRun(text, piece, tokens);
  for (const group of groups(pieces, (before, after) => isJoined(text, before, after)))
    readJoined(text, group, tokens);
  for (const group of groups(pieces, areSpaced))
    if (group.length >= LEAST_JOINED) tokens.lines.push(readSpaced(text, group));
  return tokens;
};
