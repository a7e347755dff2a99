import { type Actor, type Origin, userIdOf } from '#kernel/actor.ts';
import { Media } from '#kernel/media.ts';
import { DAY_MS, isPlay, type Track, trackErrors } from './track.ts';
import { trackEvents } from './tracks.events.ts';
import { get, getCounted } from './tracks.library.ts';
import { canDownload, isOwner } from './tracks.policy.ts';
import type { Deps } from './tracks.ports.ts';
import { shownOf } from './tracks.shown.ts';

/** Makes a path of this service into an address that the caller can open. */
export type LinkTo = (path: string) => string;

type Link = { url: string; expires_at: string };

const linkFor = (
  { streamUrls }: Deps,
  actor: Actor,
  { id, linkTo }: { id: number; linkTo: LinkTo },
): Link => {
  const { path, expires_at } = streamUrls.sign(id, userIdOf(actor));
  return { url: linkTo(path), expires_at };
};

/** The extension tells what was found, not what the uploader called it: that may be a program's. */
const filenameOf = ({ title, content_type, format }: Track): string =>
  `${title}.${content_type === 'audio/aac' ? 'aac' : format}`;

const mediaOf = ({ blobs, meter }: Deps, track: Track, link: Link & { filename?: string }): Media =>
  new Media({
    ...link,
    content_type: track.content_type,
    size_bytes: track.size_bytes,
    etag: track.sha256,
    last_modified: track.created_at,
    open: async (range) => meter.streaming(await blobs.open(track.file_path, range)),
  });

export const stream =
  (deps: Deps) =>
  async (actor: Actor, id: number, linkTo: LinkTo): Promise<Media> => {
    const track = await get(deps)(actor, id);
    return mediaOf(deps, track, linkFor(deps, actor, { id, linkTo }));
  };

export const download =
  (deps: Deps) =>
  async (actor: Actor, id: number, linkTo: LinkTo): Promise<Media> => {
    const track = await get(deps)(actor, id);
    if (!canDownload(actor, track)) throw trackErrors.forbidden();
    const { url, expires_at } = linkFor(deps, actor, { id, linkTo });
    return mediaOf(deps, track, {
      url: `${url}&download=1`,
      expires_at,
      filename: filenameOf(track),
    });
  };

export const streamUrl =
  (deps: Deps) =>
  async (actor: Actor, id: number, linkTo: LinkTo): Promise<Link> => {
    await get(deps)(actor, id);
    return linkFor(deps, actor, { id, linkTo });
  };

export type SignedAddress = { id: number; user: string; expires: string; sig: string };

/** The signature tells for whom it was made; what that user may hear is looked up each time. */
export const bearerOf = async (
  { streamUrls, users }: Deps,
  address: SignedAddress,
): Promise<Actor> => {
  const user_id = streamUrls.verify(address);
  if (user_id === undefined) throw trackErrors.streamUrlInvalid();
  if (user_id === 0) return { type: 'stranger' };
  if (!(await users.isInGoodStanding(user_id))) throw trackErrors.notFound();
  return { type: 'member', user_id, username: '', role: 'user', state: 'active', session_id: 0 };
};

export const streamSigned =
  (deps: Deps) =>
  async (address: SignedAddress & { download: boolean }): Promise<Media> => {
    const actor = await bearerOf(deps, address);
    const open = address.download ? download(deps) : stream(deps);
    return open(actor, address.id, (path) => path);
  };

export type Waveform = { peaks: number[] | null; duration_seconds: number | null };

export const waveform =
  (deps: Deps) =>
  async (actor: Actor, id: number): Promise<Waveform> => {
    const track = await get(deps)(actor, id);
    const load = async () => shownOf(await deps.tracks.findPeaks(id), track);
    return {
      peaks: await deps.waveforms.get(id, load),
      duration_seconds: track.duration_seconds,
    };
  };

const dayOf = (at: Date): string => at.toISOString().slice(0, 10);

/** Plays of one moment may be told of out of turn. */
const withPlays =
  (play_count: number) =>
  (track: Track | undefined): Track | undefined =>
    track && { ...track, play_count: Math.max(play_count, track.play_count) };

type Listening = { id: number; listened_seconds: number };

export const recordPlay =
  (deps: Deps) =>
  async (
    actor: Actor,
    { id, listened_seconds }: Listening,
    origin: Origin,
  ): Promise<{ counted: boolean; play_count: number }> => {
    const track = await get(deps)(actor, id);
    if (!isPlay(listened_seconds, track.duration_seconds))
      return { counted: false, play_count: track.play_count };
    const day = dayOf(deps.now());
    const listener =
      actor.type === 'member' ? `user:${actor.user_id}` : deps.fingerprint(origin, day);
    const result = await deps.inTransaction(async ({ plays, facts }) => {
      const counting = await plays.countPlay({ track_id: id, day, listener });
      const listener_id = actor.type === 'member' ? actor.user_id : null;
      const played = { track_id: id, user_id: track.user_id, listener_id };
      if (counting.counted) await facts.record(trackEvents.played(id, played, origin));
      return counting;
    });
    if (result.counted) deps.shown.patch(id, withPlays(result.play_count));
    return result;
  };

export type Stats = Pick<Track, 'play_count' | 'like_count' | 'comment_count'> & {
  days: { day: string; plays: number }[] | null;
};

export const stats =
  (deps: Deps) =>
  async (actor: Actor, { id, days }: { id: number; days: number }): Promise<Stats> => {
    const track = await getCounted(deps)(actor, id);
    const since = dayOf(new Date(deps.now().getTime() - (days - 1) * DAY_MS));
    const own = isOwner(actor, track) ? await deps.tracks.findDays(id, since) : null;
    const { play_count, like_count, comment_count } = track;
    return { play_count, like_count, comment_count, days: own };
  };
