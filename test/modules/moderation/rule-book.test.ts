import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { review } from '../../../src/modules/moderation/review.ts';
import type { Rule } from '../../../src/modules/moderation/rule.ts';
import { createRuleBook } from '../../../src/modules/moderation/rule-book.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => vi.useRealTimers());

const blocking = (word: string): Rule => ({
  id: 1,
  version: 1,
  name: 'A rule',
  kind: 'word',
  action: 'block',
  scopes: ['message'],
  language: null,
  score: 1,
  enabled: true,
  settings: { words: [word], lists: [], match: 'word' },
});

/** A book over rules that can be changed, or made unreadable, behind its back. */
const open = () => {
  const behind = { word: 'zut' as string | undefined, alive: true, reads: 0 };
  const warnings: string[] = [];
  const book = createRuleBook({
    load: async () => {
      behind.reads += 1;
      if (behind.word === undefined) throw new Error('The database is gone');
      return [blocking(behind.word)];
    },
    isAlive: () => behind.alive,
    log: { warn: (_facts, said) => void warnings.push(said) },
  });
  const blocks = async (text: string) =>
    review(text, { rules: await book.of('message') }).action === 'block';
  return { book, behind, warnings, blocks };
};

describe('the rule book', () => {
  it('is read once for any number of texts', async () => {
    const { behind, blocks } = open();
    const answers = await Promise.all(Array.from({ length: 20 }, () => blocks('zut')));
    expect(new Set(answers)).toEqual(new Set([true]));
    expect(await blocks('zut')).toBe(true);
    expect(behind.reads).toBe(1);
  });

  it('is read again when rules have changed', async () => {
    const { book, behind, blocks } = open();
    expect(await blocks('zut')).toBe(true);
    behind.word = 'flute';
    expect(await blocks('flute')).toBe(false);
    book.forget();
    expect(await blocks('flute')).toBe(true);
  });

  it.each([
    ['a minute later at latest', true, 59_000, 61_000],
    ['a second later while changes may go unheard', false, 900, 1100],
  ])('is read again %s', async (_, alive, before_ms, after_ms) => {
    const { behind, blocks } = open();
    behind.alive = alive;
    expect(await blocks('zut')).toBe(true);
    behind.word = 'flute';
    vi.advanceTimersByTime(before_ms);
    expect(await blocks('flute')).toBe(false);
    vi.advanceTimersByTime(after_ms - before_ms);
    expect(await blocks('flute')).toBe(true);
  });

  it('holds as it was while it cannot be read, and tries again', async () => {
    const { book, behind, warnings, blocks } = open();
    expect(await blocks('zut')).toBe(true);
    behind.word = undefined;
    book.forget();
    expect(await blocks('zut')).toBe(true);
    expect(warnings).toHaveLength(1);
    behind.word = 'flute';
    vi.advanceTimersByTime(1100);
    expect(await blocks('flute')).toBe(true);
  });

  it('lets no text pass before it was read for the first time', async () => {
    const { behind, blocks } = open();
    behind.word = undefined;
    await expect(blocks('zut')).rejects.toThrow('The database is gone');
    behind.word = 'zut';
    expect(await blocks('zut')).toBe(true);
  });
});
