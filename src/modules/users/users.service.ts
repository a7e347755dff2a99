import type { Member, Origin } from '#kernel/actor.ts';
import { readFeed } from '#kernel/feed.ts';
import type { Feed, FeedQuery } from '#kernel/page.ts';
import { assertVersion } from '#kernel/version.ts';
import { type OwnProfile, type Profile, type ProfileChanges, userErrors } from './user.ts';
import type { InTransaction, RelationStore, UserStore } from './users.ports.ts';
import * as relations from './users.relations.ts';

type Deps = { users: UserStore & RelationStore; inTransaction: InTransaction };

const list =
  ({ users }: Deps) =>
  (query: FeedQuery & { q?: string | undefined }): Promise<Feed<Profile>> => {
    const { q } = query;
    return readFeed('users', query, {
      find: (slice) => users.findManyProfiles({ q, slice }),
      count: () => users.countProfiles({ q }),
    });
  };

const me =
  ({ users }: Deps) =>
  async (actor: Pick<Member, 'user_id'>): Promise<OwnProfile> => {
    const own = await users.findOwnById(actor.user_id);
    if (!own) throw userErrors.notFound();
    return own;
  };

type Call = { origin: Origin; if_match: readonly string[] | undefined };

const updateMe =
  ({ inTransaction }: Deps) =>
  (actor: Member, changes: ProfileChanges, { origin, if_match }: Call): Promise<OwnProfile> =>
    inTransaction(async ({ users, audit }) => {
      const before = await users.lockOneById(actor.user_id);
      if (!before) throw userErrors.notFound();
      assertVersion(if_match, before.version);
      const fields = Object.keys(changes);
      if (fields.length === 0) return before;
      await audit.record({
        event_type: 'profile_updated',
        user_id: actor.user_id,
        origin,
        success: true,
        details: { fields: fields.join(' ') },
      });
      return users.updateOne(actor.user_id, changes);
    });

const get =
  ({ users }: Deps) =>
  async (id: number): Promise<Profile> => {
    const profile = await users.findProfileById(id);
    if (!profile) throw userErrors.notFound();
    return profile;
  };

/** Bytes of files that count against the user's quota. */
const storageOf =
  ({ users }: Deps) =>
  async (id: number): Promise<number> => {
    const used_bytes = await users.findStorageUsed(id);
    if (used_bytes === undefined) throw userErrors.notFound();
    return used_bytes;
  };

/** Whether what was once signed for this user still holds. */
const isInGoodStanding =
  ({ users }: Deps) =>
  (id: number): Promise<boolean> =>
    users.hasProfile(id);

export type UsersService = ReturnType<typeof createUsersService>;

export const createUsersService = (deps: Deps) => ({
  list: list(deps),
  me: me(deps),
  updateMe: updateMe(deps),
  get: get(deps),
  storageOf: storageOf(deps),
  isInGoodStanding: isInGoodStanding(deps),
  preferences: relations.preferences(deps),
  updatePreferences: relations.updatePreferences(deps),
  blocks: relations.blocks(deps),
  block: relations.block(deps),
  unblock: relations.unblock(deps),
  takesMessages: relations.takesMessages(deps),
});
