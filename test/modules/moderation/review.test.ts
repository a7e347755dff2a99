import { describe, expect, it } from 'vitest';
import type { Facts } from '../../../src/modules/moderation/facts.ts';
import { digestOf } from '../../../src/modules/moderation/facts.ts';
import { normalise } from '../../../src/modules/moderation/normalise.ts';
import { compileRules, review } from '../../../src/modules/moderation/review.ts';
import { actions, type WordSettings } from '../../../src/modules/moderation/rule.ts';
import { rulesOf } from './rules.ts';

const words = (...list: string[]): { kind: 'word'; settings: WordSettings } => ({
  kind: 'word',
  settings: { words: list, lists: [], match: 'word' },
});

const NOW = 1_000_000;
const facts = (known: Partial<Facts>): Facts => ({ now_ms: NOW, recent: [], ...known });
const actionOf = (text: string, rules: ReturnType<typeof rulesOf>, known: Partial<Facts> = {}) =>
  review(text, { rules, facts: facts(known) }).action;

describe('a review', () => {
  it('names the rule, its version, the span and the score', () => {
    const { findings } = review('oh Zut, zut', { rules: rulesOf(words('zut')) });
    const finding = {
      rule_id: 1,
      rule_version: 1,
      rule_name: 'A rule',
      score: 1,
      action: 'block',
    };
    expect(findings).toEqual([
      { ...finding, start: 3, end: 6 },
      { ...finding, start: 8, end: 11 },
    ]);
  });

  it('is less sure of what was disguised', () => {
    const rules = rulesOf(words('flute'));
    const scoreOf = (text: string) => review(text, { rules }).findings[0]?.score;
    expect(['flute', 'flut3', 'f.l.u.t.e', 'fl*te'].map(scoreOf)).toEqual([1, 0.9, 0.8, 0.7]);
  });

  it.each(actions.slice(1))('ends with the strongest action, %s over those below', (action) => {
    const weaker = actions.slice(0, actions.indexOf(action));
    const rules = rulesOf(...weaker.map((each) => ({ ...words(`not${each}`), action: each })), {
      ...words('zut'),
      action,
    });
    const text = `zut ${weaker.map((each) => `not${each}`).join(' ')}`;
    expect(actionOf(text, rules)).toBe(action);
  });

  it('lets an allow rule shield what it covers, and nothing beside it', () => {
    const rules = rulesOf(words('zut'), { ...words('zut alors'), action: 'allow' });
    expect(actionOf('zut alors', rules)).toBe('allow');
    expect(review('zut alors, zut', { rules }).findings).toMatchObject([{ start: 11, end: 14 }]);
  });

  it('leaves out rules that are switched off or for other places', () => {
    expect(actionOf('zut', rulesOf({ ...words('zut'), enabled: false }))).toBe('allow');
    expect(actionOf('zut', rulesOf({ ...words('zut'), scopes: ['bio'] }))).toBe('allow');
    expect(compileRules([], 'name').matchers.flatMap((find) => find)).not.toEqual([]);
  });

  it('finds whole words, unless parts are wanted', () => {
    expect(actionOf('zutique', rulesOf(words('zut')))).toBe('allow');
    const part = { words: ['zut'], lists: [], match: 'part' } as const;
    expect(actionOf('zutique', rulesOf({ kind: 'word', settings: part }))).toBe('block');
  });

  it('censors only what asks for it', () => {
    const rules = rulesOf(
      { ...words('zut'), action: 'censor' },
      { ...words('flute'), action: 'warn' },
    );
    expect(review('zut et flûte', { rules }).censored).toBe('*** et flûte');
  });
});

describe('a pattern', () => {
  const pattern = (written: string, on: 'written' | 'normalised' = 'normalised') =>
    rulesOf({ kind: 'pattern', settings: { pattern: written, on } });

  it('is looked for in the text as it is read, and found where it was written', () => {
    const { findings } = review('ach: ÉTÉ 2026', { rules: pattern('ete \\d{4}') });
    expect(findings).toMatchObject([{ start: 5, end: 13 }]);
  });

  it('is looked for in the text as it was written, if so wanted', () => {
    expect(actionOf('été', pattern('ete', 'written'))).toBe('allow');
    expect(actionOf('ÉTÉ', pattern('été', 'written'))).toBe('block');
  });

  it.each(['(a+)+$', '(a|aa)+$', '(.*)*x', '(a*)*b', '^(([a-z])+.)+[A-Z]([a-z])+$'])(
    'like %s takes linear time',
    (written) => {
      const rules = pattern(written);
      const began = performance.now();
      review(`${'a'.repeat(3999)}!`, { rules });
      expect(performance.now() - began).toBeLessThan(1000);
    },
  );
});

describe('links', () => {
  const link = (settings = {}) =>
    rulesOf({
      kind: 'link',
      settings: {
        most: 2,
        denied_domains: ['evil.example', 'evil.xyz'],
        allowed_domains: ['veza.app'],
        trusted_after_hours: 12,
        ...settings,
      },
    });

  it.each([
    'http://evil.example/x',
    'see www.evil.xyz',
    'Evil.XYZ/free',
    'https://a.b.EVIL.example:8080/?q',
    'https://user@evil.example',
  ])('to a denied domain are found: %s', (text) => {
    expect(actionOf(text, link())).toBe('block');
  });

  it.each([
    'https://notevil.example',
    'evil.example.org',
    'https://veza.app/evil.example',
    'my evil.wav',
  ])('to another domain are not: %s', (text) => {
    expect(actionOf(text, link())).toBe('allow');
  });

  it('are too many above the limit, those that are allowed not counted', () => {
    const some = 'https://a.org https://b.org https://veza.app https://x.veza.app';
    expect(actionOf(some, link())).toBe('allow');
    expect(review(`${some} https://c.org`, { rules: link() }).findings).toHaveLength(3);
  });

  it('of a new account go to allowed domains only', () => {
    const hour = 3_600_000;
    expect(actionOf('https://a.org', link(), { account_age_ms: 11 * hour })).toBe('block');
    expect(actionOf('https://a.org', link(), { account_age_ms: 12 * hour })).toBe('allow');
    expect(actionOf('https://veza.app', link(), { account_age_ms: 0 })).toBe('allow');
  });
});

describe('the shape of a text', () => {
  it('may not be capitals only, if it is long', () => {
    const rules = rulesOf({ kind: 'caps', settings: { least_letters: 10, share: 0.8 } });
    expect(actionOf('ÉCOUTEZ-MOI TOUS', rules)).toBe('block');
    expect(actionOf('ÉCOUTEZ-moi tous', rules)).toBe('allow');
    expect(actionOf('ABC DEF', rules)).toBe('allow');
    expect(actionOf('2026-11-25 14:00:00 — 1234567890', rules)).toBe('allow');
  });

  it('may call only so many people', () => {
    const rules = rulesOf({ kind: 'mentions', settings: { most: 2 } });
    expect(actionOf('@ana @moussa', rules)).toBe('allow');
    expect(actionOf('@ana @moussa @nina', rules)).toBe('block');
    expect(actionOf('ana@example.org, b@example.org, c@example.org', rules)).toBe('allow');
    expect(actionOf('@everyone', rules, { mentions: 3 })).toBe('block');
  });

  const repetition = rulesOf({
    kind: 'repetition',
    settings: {
      most_characters: 5,
      most_words: 3,
      most_marks: 2,
      most_messages: 2,
      within_seconds: 60,
    },
  });

  it.each([
    ['aaaaaa', 0, 6],
    ['so gooooooood', 4, 12],
    ['go go GO go', 0, 11],
    ['e\u0301\u0302\u0303', 1, 4],
  ])('may not repeat itself: %s', (text, start, end) => {
    expect(review(text, { rules: repetition }).findings).toMatchObject([{ start, end }]);
  });

  it('may be sent again only so often within the window', () => {
    const digest = digestOf(normalise('Achetez  ma démo'));
    const sent = (...ages_s: number[]) => ({
      recent: ages_s.map((age) => ({ at_ms: NOW - age * 1000, digest })),
    });
    expect(actionOf('achetez ma demo!', repetition, sent(1, 59))).toBe('block');
    expect(actionOf('achetez ma demo!', repetition, sent(1, 61))).toBe('allow');
    expect(actionOf('autre chose', repetition, sent(1, 2, 3))).toBe('allow');
  });

  it('does not matter when there are too many', () => {
    const rules = rulesOf({ kind: 'flood', settings: { most: 3, within_seconds: 10 } });
    const sent = (...ages_s: number[]) => ({
      recent: ages_s.map((age) => ({ at_ms: NOW - age * 1000, digest: String(age) })),
    });
    expect(actionOf('x', rules, sent(1, 2))).toBe('allow');
    expect(actionOf('x', rules, sent(1, 2, 9))).toBe('block');
    expect(actionOf('x', rules, sent(1, 2, 11))).toBe('allow');
  });
});
