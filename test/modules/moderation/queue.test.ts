import { describe, expect, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { recordsOf } from '#test/audit.ts';
import { query } from '#test/tracks.ts';
import type { NewDecision } from '../../../src/modules/moderation/decision.ts';
import { createMember, origin } from './moderators.ts';

const app = await testApp();
const { moderation } = app.services;
const moderator = await createMember(app, 'moderator');

const finding = {
  rule_id: 5,
  rule_version: 1,
  rule_name: 'Links',
  start: 0,
  end: 13,
  score: 0.6,
  action: 'hold',
} as const;

const hold = async (decision: Partial<NewDecision> = {}) => {
  const author = await createMember(app);
  return app.outside.database.inTransaction((db) =>
    app.moderationOn(db).record({
      scope: 'message',
      subject_kind: 'message',
      subject_id: 7,
      author_id: author.user_id,
      action: 'hold',
      findings: [finding],
      text: 'https://a.org',
      ...decision,
    }),
  );
};

const heldIds = async () =>
  (await moderation.held(moderator, { limit: 100 })).data.map(({ id }) => id);

describe('a held text', () => {
  it('waits in the queue with its text and the reasons, newest first', async () => {
    const first = await hold();
    const second = await hold();
    const { data, pagination } = await moderation.held(moderator, { limit: 2 });
    expect(data).toEqual([second, first]);
    expect(first).toMatchObject({
      state: 'held',
      text: 'https://a.org',
      findings: [finding],
      decided_by: null,
      decided_at: null,
    });
    expect(pagination).toMatchObject({ page: 1, limit: 2 });
  });

  it.each(['release', 'reject'] as const)(
    'can be decided by %s, which is recorded',
    async (verb) => {
      const { id, author_id } = await hold();
      const somebody = await createMember(app, 'moderator');
      const decided = await moderation[verb](somebody, id, origin);
      const state = `${verb === 'release' ? 'release' : 'reject'}${verb === 'release' ? 'd' : 'ed'}`;
      expect(decided).toMatchObject({
        id,
        state,
        text: 'https://a.org',
        decided_by: somebody.user_id,
        decided_at: expect.any(String),
      });
      expect(await heldIds()).not.toContain(id);
      expect(await recordsOf(app, { id: somebody.user_id }, `admin_text_${state}`)).toMatchObject([
        { details: { decision_id: id, author_id }, success: true },
      ]);
    },
  );

  it('is decided once, by one of many', async () => {
    const { id } = await hold();
    const moderators = await Promise.all(
      Array.from({ length: 8 }, () => createMember(app, 'moderator')),
    );
    const outcomes = await Promise.allSettled(
      moderators.map((actor, at) =>
        at % 2 === 0 ? moderation.release(actor, id, origin) : moderation.reject(actor, id, origin),
      ),
    );
    const won = outcomes.filter(({ status }) => status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'CONFLICT' });
    const [row] = await query(
      app,
      `select count(*)::int as records from audit_records
       where event_type like 'admin_text_%' and details ->> 'decision_id' = '${id}'`,
    );
    expect(row).toEqual({ records: 1 });
  });

  it('that is not there is reported as absent', async () => {
    await expect(moderation.release(moderator, 999_999, origin)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('is nothing to those who do not moderate', async () => {
    const { id } = await hold();
    const member = await createMember(app);
    const refused = { code: 'FORBIDDEN' };
    await expect(moderation.held(member, { limit: 1 })).rejects.toMatchObject(refused);
    await expect(moderation.release(member, id, origin)).rejects.toMatchObject(refused);
    await expect(moderation.reject(member, id, origin)).rejects.toMatchObject(refused);
    expect(await heldIds()).toContain(id);
  });

  it('is not kept when the transaction it was written in fails', async () => {
    const before = await heldIds();
    const failing = app.outside.database.inTransaction(async (db) => {
      await app.moderationOn(db).record({
        scope: 'message',
        subject_kind: 'message',
        subject_id: 8,
        author_id: null,
        action: 'hold',
        findings: [finding],
        text: 'x',
      });
      throw new Error('The message could not be stored');
    });
    await expect(failing).rejects.toThrow('could not be stored');
    expect(await heldIds()).toEqual(before);
  });

  it('is no text that was decided at once', async () => {
    const { id } = await hold({ action: 'block', text: null });
    expect(await heldIds()).not.toContain(id);
    await expect(moderation.release(moderator, id, origin)).rejects.toMatchObject({
      code: 'CONFLICT',
    });
  });
});
