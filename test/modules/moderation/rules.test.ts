import { describe, expect, it } from 'vitest';
import { testApp, type TestApp } from '#test/app.ts';
import { recordsOf } from '#test/audit.ts';
import { query } from '#test/tracks.ts';
import { defaultRules } from '../../../src/modules/moderation/default-rules.ts';
import { createMember, origin } from './moderators.ts';

const app = await testApp();
const other = await testApp({ beside: app });
const admin = await createMember(app, 'admin');
const moderator = await createMember(app, 'moderator');
const { moderation } = app.services;

let made = 0;
/** A rule that nobody else has, for a word that nobody else says. */
const newWord = () => {
  made += 1;
  const word = `zut${'abcdefghij'[made % 10]}${'klmnopqrst'[Math.floor(made / 10)]}x`;
  const rule = {
    name: `Rule ${made}`,
    kind: 'word' as const,
    action: 'block' as const,
    scopes: ['message' as const],
    settings: { words: [word] },
  };
  return { word, rule };
};

const actionOf = async (process: TestApp, text: string) =>
  (await process.services.moderation.review({ text, scope: 'message', author_id: null })).action;

const WITHIN_A_SECOND = { timeout: 1000, interval: 20 };

describe('a new installation', () => {
  it('has the first rules, once, however many processes start', async () => {
    await Promise.all([actionOf(app, 'x'), actionOf(other, 'x')]);
    const rows = await query(app, 'select name from moderation_rules where version = 1');
    const names = rows.map(({ name }) => name);
    for (const { name } of defaultRules)
      expect(names.filter((each) => each === name)).toHaveLength(1);
  });
});

describe('a rule', () => {
  it('holds here at once, and in another process within a second', async () => {
    const { word, rule } = newWord();
    await expect.poll(() => other.outside.notifications.isAlive()).toBe(true);
    expect(await actionOf(other, word)).toBe('allow');
    const { id } = await moderation.createRule(admin, rule, origin);
    expect(await actionOf(app, word)).toBe('block');
    await expect.poll(() => actionOf(other, word), WITHIN_A_SECOND).toBe('block');

    await moderation.updateRule(admin, { id, action: 'hold' }, origin);
    expect(await actionOf(app, word)).toBe('hold');
    await expect.poll(() => actionOf(other, word), WITHIN_A_SECOND).toBe('hold');

    await moderation.removeRule(admin, id, origin);
    expect(await actionOf(app, word)).toBe('allow');
    await expect.poll(() => actionOf(other, word), WITHIN_A_SECOND).toBe('allow');
  });

  it('is listed for moderators, with a version that rises', async () => {
    const { rule } = newWord();
    const { id } = await moderation.createRule(admin, rule, origin);
    await moderation.updateRule(admin, { id, score: 0.5 }, origin);
    const listed = await moderation.listRules(moderator);
    expect(listed.find((each) => each.id === id)).toEqual({
      ...rule,
      id,
      version: 2,
      score: 0.5,
      language: null,
      enabled: true,
      settings: { ...rule.settings, lists: [], match: 'word' },
    });
  });

  it('is recorded with each change, by whom', async () => {
    const somebody = await createMember(app, 'admin');
    const { id } = await moderation.createRule(somebody, newWord().rule, origin);
    await moderation.updateRule(somebody, { id, enabled: false }, origin);
    await moderation.removeRule(somebody, id, origin);
    const records = await recordsOf(
      app,
      { id: somebody.user_id },
      'admin_rule_created',
      'admin_rule_updated',
      'admin_rule_removed',
    );
    expect(records.map(({ event_type, details }) => [event_type, details['rule_id']])).toEqual([
      ['admin_rule_created', id],
      ['admin_rule_updated', id],
      ['admin_rule_removed', id],
    ]);
  });

  it('is changed by administrators alone', async () => {
    const { rule } = newWord();
    const member = await createMember(app);
    const refused = { code: 'FORBIDDEN' };
    for (const actor of [moderator, member]) {
      await expect(moderation.createRule(actor, rule, origin)).rejects.toMatchObject(refused);
      await expect(moderation.updateRule(actor, { id: 1, score: 0 }, origin)).rejects.toMatchObject(
        refused,
      );
      await expect(moderation.removeRule(actor, 1, origin)).rejects.toMatchObject(refused);
    }
    await expect(moderation.listRules(member)).rejects.toMatchObject(refused);
  });

  it('that is not there is reported as absent', async () => {
    const refused = { code: 'NOT_FOUND' };
    const { id } = await moderation.createRule(admin, newWord().rule, origin);
    await moderation.removeRule(admin, id, origin);
    for (const missing of [id, 999_999]) {
      await expect(moderation.removeRule(admin, missing, origin)).rejects.toMatchObject(refused);
      await expect(
        moderation.updateRule(admin, { id: missing, score: 0 }, origin),
      ).rejects.toMatchObject(refused);
    }
  });

  it('has a name of its own', async () => {
    const { rule } = newWord();
    await moderation.createRule(admin, rule, origin);
    const again = { ...newWord().rule, name: rule.name.toUpperCase() };
    await expect(moderation.createRule(admin, again, origin)).rejects.toMatchObject({
      code: 'CONFLICT',
    });
  });

  const pattern = (written: string) => ({
    ...newWord().rule,
    kind: 'pattern' as const,
    settings: { pattern: written },
  });

  it.each([
    ['a pattern that does not compile', pattern('(a'), 'settings.pattern'],
    ['a pattern that looks back', pattern('(a)\\1'), 'settings.pattern'],
    ['a pattern that matches nothing', pattern('a*'), 'settings.pattern'],
    ['a pattern that is too large', pattern('((a{1,99}){1,9}){1,9}'), 'settings.pattern'],
    ['settings of another kind', { ...pattern('a'), kind: 'caps' }, 'settings.pattern'],
    ['no place', { ...newWord().rule, scopes: [] }, 'scopes'],
    ['a score above one', { ...newWord().rule, score: 1.1 }, 'score'],
    ['a field that is unknown', { ...newWord().rule, colour: 'red' }, 'colour'],
  ])('may not have %s', async (_, rule, field) => {
    const refused = moderation.createRule(admin, rule as never, origin);
    await expect(refused).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
      details: [expect.objectContaining({ field })],
    });
  });
});
