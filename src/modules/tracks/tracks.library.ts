import type { Actor, Member, Origin } from '#kernel/actor.ts';
import { readFeed } from '#kernel/feed.ts';
import type { Feed, FeedQuery } from '#kernel/page.ts';
import { assertVersion } from '#kernel/version.ts';
import { restorableSince, restorableUntil, type Track, trackErrors } from './track.ts';
import { trackEvents } from './tracks.events.ts';
import { canDo, canSee, isOwner, trackActions } from './tracks.policy.ts';
import type { Changes, Deps, TrackFilter, TrackStores } from './tracks.ports.ts';
import { shownOf } from './tracks.shown.ts';
import { vetted } from './tracks.texts.ts';

type Filters = Pick<TrackFilter, 'genre' | 'tag' | 'format'>;

const feed = (
  { tracks }: Deps,
  query: FeedQuery,
  { name, filter }: { name: string; filter: TrackFilter },
): Promise<Feed<Track>> =>
  readFeed(name, query, {
    find: (slice) => tracks.findMany(filter, slice),
    count: () => tracks.count(filter),
  });

export const list =
  (deps: Deps) =>
  ({ genre, tag, format, ...query }: FeedQuery & Filters): Promise<Feed<Track>> =>
    feed(deps, query, {
      name: 'tracks',
      filter: { genre, tag, format, shown: ['public'], deleted: false },
    });

export const byUser =
  (deps: Deps) =>
  async ({
    id,
    genre,
    tag,
    format,
    ...query
  }: FeedQuery & Filters & { id: number }): Promise<Feed<Track>> => {
    await deps.users.get(id);
    const filter: TrackFilter = {
      genre,
      tag,
      format,
      user_id: id,
      shown: ['public'],
      deleted: false,
    };
    return feed(deps, query, { name: `tracks of ${id}`, filter });
  };

type OwnFilters = Filters & Pick<TrackFilter, 'status' | 'deleted'>;

export const mine =
  (deps: Deps) =>
  (
    actor: Member,
    { genre, tag, format, status, deleted, ...query }: FeedQuery & OwnFilters,
  ): Promise<Feed<Track>> => {
    const { user_id } = actor;
    const filter: TrackFilter = { genre, tag, format, status, deleted, user_id };
    return feed(deps, query, { name: `own tracks of ${user_id}`, filter });
  };

/** A track that the caller may not see is reported as absent. */
const assertSeen = (actor: Actor, track: Track | undefined): Track => {
  if (!track || !canSee(actor, track)) throw trackErrors.notFound();
  return track;
};

/** What changed is seen at once; counters may be those of a moment ago. */
export const get =
  ({ tracks, shown }: Pick<Deps, 'tracks' | 'shown'>) =>
  async (actor: Actor, id: number): Promise<Track> => {
    const load = async () => {
      const track = await tracks.findOneById(id);
      return shownOf(track, track);
    };
    return assertSeen(actor, await shown.get(id, load));
  };

/** With the counters of now. */
export const getCounted =
  ({ tracks }: Pick<Deps, 'tracks'>) =>
  async (actor: Actor, id: number): Promise<Track> =>
    assertSeen(actor, await tracks.findOneById(id));

/** Whether the actor may do so with this track; of an absent one nothing. */
export const allows =
  ({ tracks }: Pick<Deps, 'tracks'>) =>
  async (actor: Actor, action: string, id: number): Promise<boolean> => {
    const known = trackActions.find((name) => name === action);
    const track = known && (await tracks.findOneById(id));
    return known !== undefined && track !== undefined && canDo(known, actor, track);
  };

/** The caller's own track, locked; anybody else's is reported as absent. */
const lockOwn = async ({ tracks }: TrackStores, actor: Member, id: number): Promise<Track> => {
  const track = await tracks.lockOneById(id);
  if (!track || !isOwner(actor, track)) throw trackErrors.notFound();
  return track;
};

const lockLive = async (stores: TrackStores, actor: Member, id: number): Promise<Track> => {
  const track = await lockOwn(stores, actor, id);
  if (track.deleted_at !== null) throw trackErrors.notFound();
  return track;
};

type Call = { origin: Origin; if_match: readonly string[] | undefined };

export const update =
  (deps: Deps) =>
  async (
    actor: Member,
    { id, ...written }: Changes & { id: number },
    { origin, if_match }: Call,
  ): Promise<Track> => {
    const changes = await vetted(deps, { user_id: actor.user_id, track_id: id }, written);
    return deps.inTransaction(async (stores) => {
      const before = await lockLive(stores, actor, id);
      assertVersion(if_match, before.version);
      const fields = Object.keys(changes);
      if (fields.length === 0) return before;
      const details = { track_id: id, fields: fields.join(' ') };
      await stores.audit.record({
        event_type: 'track_updated',
        user_id: actor.user_id,
        origin,
        success: true,
        details,
      });
      const track = await stores.tracks.updateOne(id, changes);
      const { user_id, visibility } = track;
      const updated = { track_id: id, user_id, fields, visibility };
      await stores.facts.record(trackEvents.updated(id, updated, origin));
      return track;
    });
  };

export type Removed = { id: number; restorable_until: string };

export const remove =
  ({ inTransaction, quota_bytes, now }: Deps) =>
  (actor: Member, id: number, { origin, if_match }: Call): Promise<Removed> =>
    inTransaction(async (stores) => {
      const { tracks, audit, facts } = stores;
      const track = await lockLive(stores, actor, id);
      assertVersion(if_match, track.version);
      const at = now();
      await tracks.setDeleted(id, at);
      await tracks.changeUsage(actor.user_id, -track.size_bytes, quota_bytes);
      const details = { track_id: id };
      await audit.record({
        event_type: 'track_removed',
        user_id: actor.user_id,
        origin,
        success: true,
        details,
      });
      const { user_id, size_bytes } = track;
      await facts.record(trackEvents.removed(id, { track_id: id, user_id, size_bytes }, origin));
      return { id, restorable_until: restorableUntil(at).toISOString() };
    });

/** Restoring what is not deleted changes nothing. */
export const restore =
  ({ inTransaction, quota_bytes, now }: Deps) =>
  (actor: Member, id: number, { origin }: Call): Promise<Track> =>
    inTransaction(async (stores) => {
      const { tracks, audit, facts } = stores;
      const track = await lockOwn(stores, actor, id);
      if (track.deleted_at === null) return track;
      if (new Date(track.deleted_at) <= restorableSince(now())) throw trackErrors.notFound();
      await tracks.changeUsage(actor.user_id, track.size_bytes, quota_bytes);
      const details = { track_id: id };
      await audit.record({
        event_type: 'track_restored',
        user_id: actor.user_id,
        origin,
        success: true,
        details,
      });
      const { user_id, size_bytes } = track;
      await facts.record(trackEvents.restored(id, { track_id: id, user_id, size_bytes }, origin));
      return tracks.setDeleted(id, null);
    });

export const reprocess =
  ({ inTransaction }: Deps) =>
  (actor: Member, id: number): Promise<Track> =>
    inTransaction(async (stores) => {
      const track = await lockLive(stores, actor, id);
      if (track.status === 'processing') throw trackErrors.stillProcessing();
      await stores.queue.process(id);
      return stores.tracks.setProcessing(id);
    });
