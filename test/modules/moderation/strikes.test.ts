import { describe, expect, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { createClock, DAY, HOUR, MINUTE } from '#test/clock.ts';
import {
  defaultStrikePolicy,
  scoreOf,
  standingOf,
} from '../../../src/modules/moderation/strike.ts';
import { createMember } from './moderators.ts';

const clock = createClock();
const app = await testApp({ now: clock.now });
const { moderation } = app.services;

const strike = (user_id: number, action: 'warn' | 'block' | 'mute' | 'censor') =>
  app.outside.database.inTransaction((db) => app.moderationOn(db).strike(user_id, action));

describe('strikes', () => {
  it('lead from a warning to mutes to a ban', async () => {
    const { user_id } = await createMember(app);
    const seen = [];
    for (let times = 0; times < 8; times += 1) seen.push(await strike(user_id, 'block'));
    const at = clock.now().getTime();
    const until = (ms: number) => new Date(at + ms).toISOString();
    expect(seen).toEqual([
      { score: 1, action: 'warn', until: null },
      { score: 2, action: 'warn', until: null },
      { score: 3, action: 'mute', until: until(10 * MINUTE) },
      { score: 4, action: 'mute', until: until(10 * MINUTE) },
      { score: 5, action: 'mute', until: until(DAY) },
      { score: 6, action: 'mute', until: until(DAY) },
      { score: 7, action: 'mute', until: until(DAY) },
      { score: 8, action: 'ban', until: null },
    ]);
    expect(await moderation.standingOf(user_id)).toEqual(seen.at(-1));
  });

  it('weigh half after each half-life, and nothing in the end', async () => {
    const { user_id } = await createMember(app);
    for (let times = 0; times < 4; times += 1) await strike(user_id, 'mute');
    expect(await moderation.standingOf(user_id)).toMatchObject({ score: 8, action: 'ban' });
    clock.advance(14 * DAY);
    expect(await moderation.standingOf(user_id)).toMatchObject({ score: 4, action: 'ban' });
    clock.advance(2 * DAY);
    expect(await moderation.standingOf(user_id)).toMatchObject({ score: 3.623, action: 'warn' });
    clock.advance(200 * DAY);
    expect(await moderation.standingOf(user_id)).toEqual({
      score: 0,
      action: 'allow',
      until: null,
    });
  });

  it('end a mute when its time is over', async () => {
    const { user_id } = await createMember(app);
    for (let times = 0; times < 3; times += 1) await strike(user_id, 'block');
    clock.advance(9 * MINUTE);
    expect(await moderation.standingOf(user_id)).toMatchObject({ action: 'mute' });
    clock.advance(2 * MINUTE);
    expect(await moderation.standingOf(user_id)).toMatchObject({ action: 'warn' });
  });

  it('never shorten what earlier ones have earned', async () => {
    const { user_id } = await createMember(app);
    for (let times = 0; times < 4; times += 1) await strike(user_id, 'mute');
    clock.advance(10 * DAY);
    expect(await strike(user_id, 'warn')).toMatchObject({ action: 'ban' });
  });

  it('some days apart add up', async () => {
    const { user_id } = await createMember(app);
    for (let days = 0; days < 3; days += 1) {
      clock.advance(DAY);
      await strike(user_id, 'block');
    }
    expect(await moderation.standingOf(user_id)).toMatchObject({ action: 'mute' });
  });

  it('are not given for what is only censored', async () => {
    const { user_id } = await createMember(app);
    expect(await strike(user_id, 'censor')).toEqual({ score: 0, action: 'allow', until: null });
  });

  it('of many at once are all counted', async () => {
    const { user_id } = await createMember(app);
    await Promise.all(Array.from({ length: 6 }, () => strike(user_id, 'warn')));
    expect(await moderation.standingOf(user_id)).toMatchObject({ score: 3 });
  });

  it('decay by a policy that is data', () => {
    const now = new Date('2026-02-01T00:00:00.000Z');
    const strikes = [{ weight: 8, at: new Date(now.getTime() - 3 * HOUR).toISOString() }];
    expect(scoreOf(strikes, { half_life_days: 1 / 24 }, now)).toBe(1);
    const ladder = [{ from: 0.5, action: 'ban', minutes: null }] as const;
    const policy = { ...defaultStrikePolicy, half_life_days: 1 / 24, ladder };
    expect(standingOf(strikes, policy, now)).toEqual({ score: 1, action: 'ban', until: null });
    expect(standingOf([], policy, now).action).toBe('allow');
  });
});

describe('flood and repetition', () => {
  const say = (author_id: number, room_id: number, text: string) =>
    moderation.review({ text, scope: 'message', author_id, room_id });

  it('are counted for each author and room', async () => {
    const [ana, nina] = [await createMember(app), await createMember(app)];
    for (let times = 0; times < 10; times += 1)
      expect((await say(ana.user_id, 1, `message ${times}`)).action).toBe('allow');
    const { action, findings } = await say(ana.user_id, 1, 'message 11');
    expect(action).toBe('block');
    expect(findings).toMatchObject([{ rule_name: 'Flood' }]);
    expect((await say(ana.user_id, 2, 'message 11')).action).toBe('allow');
    expect((await say(nina.user_id, 1, 'message 11')).action).toBe('allow');
    clock.advance(11_000);
    expect((await say(ana.user_id, 1, 'message 12')).action).toBe('allow');
  });

  it('see through a text that is sent again in other letters', async () => {
    const { user_id } = await createMember(app);
    const texts = ['Écoutez ma démo', 'ecoutez ma demo!', 'ECOUTEZ  MA  DEMO'];
    for (const text of texts) {
      expect((await say(user_id, 1, text)).action).toBe('allow');
      clock.advance(5000);
    }
    expect((await say(user_id, 1, 'écoutez... ma démo')).findings).toMatchObject([
      { rule_name: 'Repetition' },
    ]);
  });
});
