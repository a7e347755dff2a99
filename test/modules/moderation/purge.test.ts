import { expect, test } from 'vitest';
import { testApp } from '#test/app.ts';
import { createClock, DAY } from '#test/clock.ts';
import { query, runJob } from '#test/tracks.ts';
import type { NewDecision } from '../../../src/modules/moderation/decision.ts';
import { createMember } from './moderators.ts';

const clock = createClock();
const app = await testApp({ now: clock.now });

const decision: NewDecision = {
  scope: 'message',
  subject_kind: 'message',
  subject_id: 1,
  author_id: null,
  action: 'block',
  findings: [],
  text: null,
};

const kept = async () => {
  const [counts] = await query(
    app,
    `select (select count(*)::int from moderation_decisions where state = 'decided') as decided,
            (select count(*)::int from moderation_decisions where state = 'held') as held,
            (select count(*)::int from moderation_strikes) as strikes`,
  );
  return counts;
};

test('decisions are kept for half a year, strikes while they weigh, held texts until decided', async () => {
  const { user_id } = await createMember(app);
  await app.outside.database.inTransaction(async (db) => {
    const records = app.moderationOn(db);
    await records.record(decision);
    await records.record({ ...decision, action: 'hold', text: 'x' });
    await records.strike(user_id, 'block');
  });
  clock.advance(139 * DAY);
  await runJob(app, 'moderation.purge');
  expect(await kept()).toEqual({ decided: 1, held: 1, strikes: 1 });
  clock.advance(2 * DAY);
  await runJob(app, 'moderation.purge');
  expect(await kept()).toEqual({ decided: 1, held: 1, strikes: 0 });
  clock.advance(40 * DAY);
  await runJob(app, 'moderation.purge');
  expect(await kept()).toEqual({ decided: 0, held: 1, strikes: 0 });
});
