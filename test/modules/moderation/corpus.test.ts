import { describe, expect, it } from 'vitest';
import { review } from '../../../src/modules/moderation/review.ts';
import { everywhere, innocent, insultingNames, insults } from './corpus.ts';
import { firstRules } from './rules.ts';

const message = firstRules('message');

describe('the rules of a new installation', () => {
  it('are tried with enough texts', () => {
    expect(insults.length).toBeGreaterThanOrEqual(60);
    expect(innocent.length).toBeGreaterThanOrEqual(40);
  });

  it.each(insults)('find in %j what is meant', (text, found) => {
    const { action, findings, censored } = review(text, { rules: message });
    expect(action).toBe('censor');
    expect(findings.map(({ start, end }) => text.slice(start, end))).toContain(found);
    expect(censored).not.toContain(found);
  });

  it.each(everywhere)('leave innocent texts alone in a %s', (scope) => {
    const rules = firstRules(scope);
    const bothered = innocent
      .map((text) => ({ text, findings: review(text, { rules }).findings }))
      .filter(({ findings }) => findings.length > 0);
    expect(bothered).toEqual([]);
  });

  it.each(insultingNames)('block the name %s', (name) => {
    expect(review(name, { rules: firstRules('name') }).action).toBe('block');
  });
});
