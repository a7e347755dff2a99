import type { Actor } from '#kernel/actor.ts';
import type { Track } from './track.ts';

type Shown = Pick<Track, 'visibility' | 'status' | 'deleted_at'>;

/** Strangers, too: while it is ready and not private. */
export const isForEveryone = ({ visibility, status, deleted_at }: Shown): boolean =>
  deleted_at === null && visibility !== 'private' && status === 'ready';

/** Its owner always; others while it is for everyone. Deleted ones nobody. */
export const canSee = (actor: Actor, track: Shown & Pick<Track, 'user_id'>): boolean =>
  isForEveryone(track) || (track.deleted_at === null && isOwner(actor, track));

export const isOwner = (actor: Actor, { user_id }: Pick<Track, 'user_id'>): boolean =>
  actor.type === 'member' && actor.user_id === user_id;

export const trackActions = ['read', 'update', 'remove'] as const;
export type TrackAction = (typeof trackActions)[number];

/** Whether the rules of this one track let the actor do so; what its role and state permit is another question. */
export const canDo = (
  action: TrackAction,
  actor: Actor,
  track: Parameters<typeof canSee>[1],
): boolean => canSee(actor, track) && (action === 'read' || isOwner(actor, track));

export const canDownload = (
  actor: Actor,
  track: Pick<Track, 'user_id' | 'is_downloadable'>,
): boolean => track.is_downloadable || isOwner(actor, track);
