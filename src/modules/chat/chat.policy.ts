import { type Actor, hasRole } from '#kernel/actor.ts';
import type { Message } from './message.ts';
import { outranks, type Room, type RoomMember } from './room.ts';

type Membership = Pick<RoomMember, 'user_id' | 'role' | 'state'> | undefined;

export const isJoined = (member: Membership): member is NonNullable<Membership> =>
  member?.state === 'joined';

/** Public rooms are open to all who look; the others exist for their members only. */
export const canRead = ({ kind, deleted_at }: Room, member: Membership): boolean =>
  deleted_at === null && (kind === 'public' || isJoined(member));

export const isOwner = (member: Membership): boolean => isJoined(member) && member.role === 'owner';

/** The room's own moderators, and in public rooms those of the platform. */
export const canModerate = (actor: Actor, { kind }: Room, member: Membership): boolean =>
  (isJoined(member) && member.role !== 'member') ||
  (kind === 'public' && hasRole(actor, 'moderator'));

/** Nobody acts against somebody of the same standing. */
export const canActOn = (
  actor: Actor,
  { room, by, on }: { room: Room; by: Membership; on: Pick<RoomMember, 'role'> },
): boolean => {
  if (!canModerate(actor, room, by)) return false;
  if (isJoined(by) && outranks(by.role, on.role)) return true;
  return room.kind === 'public' && hasRole(actor, 'moderator');
};

export const isAuthor = (actor: Actor, { user_id }: Pick<Message, 'user_id'>): boolean =>
  actor.type === 'member' && actor.user_id === user_id;
