import type { Member, Origin } from '#kernel/actor.ts';
import { invalidFields } from '#kernel/errors.ts';
import { readFeed } from '#kernel/feed.ts';
import type { Feed, FeedQuery } from '#kernel/page.ts';
import { type PreferenceChanges, type Preferences, withChanges } from './preferences.ts';
import { userErrors } from './user.ts';
import type { BlockedUser, InTransaction, RelationStore } from './users.ports.ts';

type Deps = { users: RelationStore; inTransaction: InTransaction };

export const preferences =
  ({ users }: Deps) =>
  async ({ user_id }: Pick<Member, 'user_id'>): Promise<Preferences> => {
    const found = await users.findPreferences(user_id);
    if (!found) throw userErrors.notFound();
    return found;
  };

export const updatePreferences =
  ({ inTransaction }: Deps) =>
  ({ user_id }: Member, changes: PreferenceChanges, origin: Origin): Promise<Preferences> =>
    inTransaction(async ({ users, audit }) => {
      await users.lockOneById(user_id);
      const before = await users.findPreferences(user_id);
      if (!before) throw userErrors.notFound();
      const after = withChanges(before, changes);
      await users.updatePreferences(user_id, after);
      await audit.record({
        event_type: 'profile_updated',
        user_id,
        origin,
        success: true,
        details: {
          fields: Object.keys(changes)
            .map((name) => `preferences.${name}`)
            .join(' '),
        },
      });
      return after;
    });

export const blocks =
  ({ users }: Deps) =>
  ({ user_id }: Member, query: FeedQuery): Promise<Feed<BlockedUser>> =>
    readFeed(`blocks of ${user_id}`, query, {
      find: (slice) => users.findManyBlocked(user_id, slice),
      count: () => users.countBlocked(user_id),
    });

type BlockState = { id: number; blocked: boolean };

const setting =
  (blocked: boolean) =>
  ({ inTransaction }: Deps) =>
  ({ user_id }: Member, id: number, origin: Origin): Promise<BlockState> =>
    inTransaction(async ({ users, audit }) => {
      if (user_id === id) throw invalidFields([{ field: 'id', message: 'Is yourself' }]);
      if (!(await users.hasProfile(id))) throw userErrors.notFound();
      const changed = blocked
        ? await users.insertBlock(user_id, id)
        : await users.removeBlock(user_id, id);
      const event_type = blocked ? 'user_blocked' : 'user_unblocked';
      const details = { blocked_id: id };
      if (changed) await audit.record({ event_type, user_id, origin, success: true, details });
      return { id, blocked };
    });

export const block = setting(true);
export const unblock = setting(false);

/** Whether a user lets another one write to them. */
export const takesMessages =
  ({ users }: Deps) =>
  async (to: number, from: number): Promise<boolean> => {
    if (await users.areBlocked(to, from)) return false;
    const found = await users.findPreferences(to);
    return found?.privacy.allow_dm === 'everyone';
  };
