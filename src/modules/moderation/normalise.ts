import { latinOf } from './homoglyphs.ts';
import type { Span } from './rule.ts';

/**
 * A text as it is read aloud: lower case, without accents, marks and invisible characters, look-alikes of
 * Latin letters replaced. Each unit of `text` knows where in the written text it stands.
 */
export type Normalised = {
  readonly written: string;
  readonly text: string;
  /** For each unit of `text`: where what it stands for begins and ends in `written`. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
};

const isInvisible = (sign: string): boolean => /^[\p{M}\p{Cf}\u115F\u1160\u3164]$/u.test(sign);

const isPlain = (letters: string): boolean => /^[\u0020-\u007E]+$/.test(letters);

/** What one character beyond ASCII is read as; empty when it is not seen. */
const fold = (sign: string): string => {
  if (isInvisible(sign)) return '';
  const lower = sign.toLowerCase();
  const known = latinOf(lower);
  if (known !== undefined) return known;
  const compatible = lower.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
  const latin = Array.from(compatible, (letter) => latinOf(letter) ?? letter).join('');
  if (latin === '' || isPlain(latin)) return latin === '' ? ' ' : latin;
  return /^\p{L}$/u.test(lower) ? lower : ' ';
};

const MOST_REMEMBERED = 20_000;
const folded = new Map<string, string>();

const foldOnce = (sign: string): string => {
  const known = folded.get(sign);
  if (known !== undefined) return known;
  if (folded.size >= MOST_REMEMBERED) folded.clear();
  const result = fold(sign);
  folded.set(sign, result);
  return result;
};

/** Places in the written text, in arrays that grow by doubling: ligatures make several letters of one. */
const createPlaces = (length: number) => {
  let starts = new Int32Array(length);
  let ends = new Int32Array(length);
  let size = 0;
  const grow = (): void => {
    const [shortStarts, shortEnds] = [starts, ends];
    starts = new Int32Array(size * 2 + 8);
    ends = new Int32Array(size * 2 + 8);
    starts.set(shortStarts);
    ends.set(shortEnds);
  };
  return {
    add(start: number, end: number): void {
      if (size === starts.length) grow();
      starts[size] = start;
      ends[size] = end;
      size += 1;
    },
    /** What is not seen belongs to the character before it. */
    stretch(end: number): void {
      if (size > 0) ends[size - 1] = end;
    },
    result: () => ({ starts: starts.subarray(0, size), ends: ends.subarray(0, size) }),
  };
};

const isAscii = (unit: number): boolean => unit < 128;

export const normalise = (written: string): Normalised => {
  const places = createPlaces(written.length);
  let text = '';
  let at = 0;
  while (at < written.length) {
    const first = at;
    for (; at < written.length && isAscii(written.charCodeAt(at)); at += 1) places.add(at, at + 1);
    if (at > first) text += written.slice(first, at).toLowerCase();
    const sign = at < written.length ? String.fromCodePoint(written.codePointAt(at) ?? 0) : '';
    const end = at + sign.length;
    const read = sign === '' ? '' : foldOnce(sign);
    if (read === '') places.stretch(end);
    for (let unit = 0; unit < read.length; unit += 1) places.add(at, end);
    text += read;
    at = end;
  }
  return { written, text, ...places.result() };
};

/** Where in the written text a piece of the normalised one stands. */
export const spanOf = ({ starts, ends }: Normalised, from: number, to: number): Span => ({
  start: starts[from] ?? 0,
  end: ends[to - 1] ?? starts[from] ?? 0,
});
