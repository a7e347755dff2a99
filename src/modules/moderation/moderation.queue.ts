import type { Member, Origin } from '#kernel/actor.ts';
import { readFeed } from '#kernel/feed.ts';
import type { Feed, FeedQuery } from '#kernel/page.ts';
import type { Decision } from './decision.ts';
import { assertMayModerate } from './moderation.policy.ts';
import type { Deciding, Deps } from './moderation.ports.ts';

/** Texts that wait for a decision, newest first. */
export const held =
  ({ decisions }: Deps) =>
  async (actor: Member, query: FeedQuery): Promise<Feed<Decision>> => {
    assertMayModerate(actor);
    return readFeed('held texts', query, {
      find: (slice) => decisions.findManyHeld(slice),
      count: () => decisions.countHeld(),
    });
  };

const decide =
  (state: Deciding['state']) =>
  ({ inTransaction }: Deps) =>
  async (actor: Member, id: number, origin: Origin): Promise<Decision> => {
    assertMayModerate(actor);
    const { user_id } = actor;
    return inTransaction(async ({ records, audit }) => {
      const decision = await records.decide({ id, state, decided_by: user_id });
      await audit.record({
        event_type: `admin_text_${state}`,
        user_id,
        origin,
        success: true,
        details: { decision_id: id, author_id: decision.author_id },
      });
      return decision;
    });
  };

/** Of any number of moderators one decides; the others are refused with CONFLICT. */
export const release = decide('released');
export const reject = decide('rejected');
