import type { Actor, Member, Origin } from '#kernel/actor.ts';
import { readFeed } from '#kernel/feed.ts';
import type { Feed, FeedQuery } from '#kernel/page.ts';
import { assertVersion } from '#kernel/version.ts';
import { restorableSince, restorableUntil, type Track, trackErrors } from './track.ts';
import { canSee, isOwner } from './tracks.policy.ts';
import type { Changes, Deps, TrackFilter, TrackStores } from './tracks.ports.ts';
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
export const get =
  ({ tracks }: Pick<Deps, 'tracks'>) =>
  async (actor: Actor, id: number): Promise<Track> => {
    const track = await tracks.findOneById(id);
    if (!track || !canSee(actor, track)) throw trackErrors.notFound();
    return track;
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
      return stores.tracks.updateOne(id, changes);
    });
  };

export type Removed = { id: number; restorable_until: string };

export const remove =
  ({ inTransaction, quota_bytes, now }: Deps) =>
  (actor: Member, id: number, { origin, if_match }: Call): Promise<Removed> =>
    inTransaction(async (stores) => {
      const { tracks, audit } = stores;
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
      return { id, restorable_until: restorableUntil(at).toISOString() };
    });

/** Restoring what is not deleted changes nothing. */
export const restore =
  ({ inTransaction, quota_bytes, now }: Deps) =>
  (actor: Member, id: number, { origin }: Call): Promise<Track> =>
    inTransaction(async (stores) => {
      const { tracks, audit } = stores;
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
