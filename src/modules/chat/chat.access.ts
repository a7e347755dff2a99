import type { Actor, Member } from '#kernel/actor.ts';
import { sharedErrors } from '#kernel/errors.ts';
import { canRead, isJoined } from './chat.policy.ts';
import type { ChatStores, Deps } from './chat.ports.ts';
import { type Room, roomErrors, type RoomMember } from './room.ts';

/** A room that somebody looks at, and their place in it. */
export type Seen = { room: Room; member: RoomMember | undefined };

/** A room that the caller is in, and their place in it. */
export type Entered = { room: Room; member: RoomMember };

/** A room that the caller may not read is reported as absent. */
export const look = async (
  { rooms }: Pick<Deps, 'rooms'>,
  actor: Actor,
  room_id: number,
): Promise<Seen> => {
  const room = await rooms.findOneById(room_id);
  const member =
    room && actor.type === 'member' ? await rooms.findMember(room_id, actor.user_id) : undefined;
  if (!room || !canRead(room, member)) throw roomErrors.notFound();
  return { room, member };
};

/** The same, and held until the end of the transaction. */
export const lockSeen = async (
  { rooms, members }: ChatStores,
  actor: Member,
  room_id: number,
): Promise<Seen> => {
  const room = await rooms.lockOneById(room_id);
  const member = room && (await members.findOne(room_id, actor.user_id));
  if (!room || !canRead(room, member)) throw roomErrors.notFound();
  return { room, member };
};

export const lockEntered = async (
  stores: ChatStores,
  actor: Member,
  room_id: number,
): Promise<Entered> => {
  const { room, member } = await lockSeen(stores, actor, room_id);
  if (!isJoined(member)) throw roomErrors.notAMember();
  return { room, member };
};

/** Direct conversations have two members and no one who rules them. */
export const assertRuled = ({ kind }: Room): void => {
  if (kind === 'direct') throw roomErrors.direct();
};

export const assertMaySpeak = ({ muted_until }: RoomMember, now: Date): void => {
  const left_ms = muted_until === null ? 0 : Date.parse(muted_until) - now.getTime();
  if (left_ms > 0) throw roomErrors.muted({ retry_after_seconds: Math.ceil(left_ms / 1000) });
};

export const assertAllowed = (allowed: boolean): void => {
  if (!allowed) throw sharedErrors.forbidden();
};
