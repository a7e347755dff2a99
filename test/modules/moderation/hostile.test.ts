import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalise } from '../../../src/modules/moderation/normalise.ts';
import { censor, review } from '../../../src/modules/moderation/review.ts';
import { insults } from './corpus.ts';
import { firstRules } from './rules.ts';

const rules = firstRules('message');

const disguised = fc
  .array(
    fc.oneof(
      fc.constantFrom(...insults.map(([text]) => text)),
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.constantFrom(
        '\u200D',
        '\u0301',
        'ﬃ',
        'ß',
        'İ',
        '𝕬',
        '\uD800',
        ' ',
        '*',
        '@',
        'https://a.b',
      ),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''));

describe('whatever is written', () => {
  it('is found fault with inside of the text alone', () => {
    fc.assert(
      fc.property(disguised, (text) => {
        for (const { start, end, score } of review(text, { rules }).findings) {
          expect(start).toBeGreaterThanOrEqual(0);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(text.length);
          expect(score).toBeGreaterThan(0);
          expect(score).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it('keeps its length in code points when it is censored, and is not found fault with again', () => {
    fc.assert(
      fc.property(disguised, (text) => {
        const { censored = text } = review(text, { rules });
        expect(Array.from(censored)).toHaveLength(Array.from(text).length);
        expect(censored.length).toBeLessThanOrEqual(text.length);
      }),
    );
  });

  it('is censored in the spans and nowhere else', () => {
    const span = fc
      .tuple(fc.nat(30), fc.nat(30))
      .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }));
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), fc.array(span), (text, spans) => {
        const censored = censor(text, spans);
        expect(censored).toHaveLength(text.length);
        for (const [at, sign] of Array.from(text).entries()) {
          const isInside = spans.some(({ start, end }) => start <= at && at < end);
          expect(censored[at]).toBe(isInside && /\S/.test(sign) ? '*' : sign);
        }
      }),
    );
  });

  it('has a place in the written text for each letter that is read', () => {
    fc.assert(
      fc.property(disguised, (written) => {
        const { text, starts, ends } = normalise(written);
        expect(starts).toHaveLength(text.length);
        for (let at = 0; at < text.length; at += 1) {
          expect(ends[at]).toBeGreaterThan(starts[at] ?? -1);
          expect(starts[at]).toBeGreaterThanOrEqual(starts[at - 1] ?? 0);
        }
      }),
    );
  });
});

const SIZE = 4000;
const fill = (part: string): string => part.repeat(Math.ceil(SIZE / part.length)).slice(0, SIZE);

describe('4000 characters', () => {
  it.each([
    'a',
    'fuck ',
    'f.u.c.k.',
    'f u c k ',
    's h 1 t ',
    'm*rde ',
    'a*a* ',
    'p1!|',
    '1l!',
    '@ana ',
    'fils de ',
    'é',
    'ﷺ',
    'ﬃ',
    '\u0301',
    '\u200B',
    'a\u0301\u0302',
    'https://a.b/ ',
    'a.b ',
    'www.a.co.',
    '//',
    '((((',
    'ABC ',
    '👨‍👩‍👧',
    '日本',
    'merdemerde',
    'aab',
  ])('of %j are reviewed within 5 ms', (part) => {
    const text = fill(part);
    const took = Array.from({ length: 15 }, () => {
      const began = performance.now();
      review(text, { rules });
      return performance.now() - began;
    });
    expect(Math.min(...took)).toBeLessThan(5);
  });

  it('hide nothing behind their number', () => {
    const padding = fill('a b c d e f 1x2 y*z ').slice(0, SIZE - 20);
    const { findings } = review(`${padding}, sale c o n n a r d`, { rules });
    expect(findings.map(({ end }) => end)).toContain(padding.length + 20);
  });
});
