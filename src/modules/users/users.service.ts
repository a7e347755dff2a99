import { type Asker, type Member, type Origin, userIdOf } from '#kernel/actor.ts';
import type { ReadThrough } from '#kernel/cached.ts';
import { readFeed } from '#kernel/feed.ts';
import type { Feed, FeedQuery } from '#kernel/page.ts';
import { assertVersion } from '#kernel/version.ts';
import { type OwnProfile, type Profile, type ProfileChanges, userErrors } from './user.ts';
import { userEvents } from './users.events.ts';
import type { InTransaction, RelationStore, Texts, UserStore } from './users.ports.ts';
import * as relations from './users.relations.ts';

type Deps = {
  users: UserStore & RelationStore;
  texts: Texts;
  inTransaction: InTransaction;
  /** What everyone may see is read through this. */
  shown: ReadThrough<Profile | undefined>;
};

const tagOf = (id: number): string => `user:${id}`;

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

/** The changes as they may be kept: an insult in a name is refused, in a biography it is starred out. */
const vetted = async (
  { texts }: Deps,
  { user_id }: Member,
  changes: ProfileChanges,
): Promise<ProfileChanges> => {
  const { display_name, bio, links } = changes;
  const written = [
    { field: 'display_name', scope: 'name', text: display_name ?? '' } as const,
    { field: 'bio', scope: 'bio', text: bio ?? '' } as const,
    ...(links ?? []).flatMap(({ label, url }, at) => [
      { field: `links.${at}.label`, scope: 'name', text: label } as const,
      { field: `links.${at}.url`, scope: 'title', text: url } as const,
    ]),
  ];
  const subject = { kind: 'user', id: user_id };
  const censored = await texts.vet(written, { author_id: user_id, subject });
  return censored['bio'] === undefined ? changes : { ...changes, bio: censored['bio'] };
};

const updateMe =
  (deps: Deps) =>
  async (
    actor: Member,
    written: ProfileChanges,
    { origin, if_match }: Call,
  ): Promise<OwnProfile> => {
    const changes = await vetted(deps, actor, written);
    return deps.inTransaction(async ({ users, audit, facts, cache }) => {
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
      const { user_id } = actor;
      await cache.invalidate([tagOf(user_id)]);
      await facts.record(userEvents.profileUpdated(user_id, { user_id, fields }, origin));
      return users.updateOne(user_id, changes);
    });
  };

const get =
  ({ users, shown }: Deps) =>
  async (id: number): Promise<Profile> => {
    // Its count of tracks hangs on the library.
    const load = async () => {
      const value = await users.findProfileById(id);
      return { value, tags: value && [tagOf(id), `library:${id}`] };
    };
    const profile = await shown.get(id, load);
    if (!profile) throw userErrors.notFound();
    return profile;
  };

/** What the profile shows; role and state for services and the account itself, the address for that alone. */
const getFor =
  (deps: Deps) =>
  async ({ actor, service }: Asker, id: number): Promise<Profile & Partial<OwnProfile>> => {
    const is_own = userIdOf(actor) === id;
    if (!is_own && service === undefined) return get(deps)(id);
    const { email, ...known } = await me(deps)({ user_id: id });
    return is_own ? { ...known, email } : known;
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
  getFor: getFor(deps),
  storageOf: storageOf(deps),
  isInGoodStanding: isInGoodStanding(deps),
  preferences: relations.preferences(deps),
  updatePreferences: relations.updatePreferences(deps),
  blocks: relations.blocks(deps),
  block: relations.block(deps),
  unblock: relations.unblock(deps),
  takesMessages: relations.takesMessages(deps),
});
