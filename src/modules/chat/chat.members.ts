import type { Member, Origin } from '#kernel/actor.ts';
import { assertAllowed, assertRuled, lockEntered, lockSeen } from './chat.access.ts';
import { canActOn, isJoined, isOwner } from './chat.policy.ts';
import type { ChatStores, Deps } from './chat.ports.ts';
import type { EventDraft } from './chat-event.ts';
import {
  isOpen,
  type OwnRoom,
  type Room,
  roomErrors,
  type RoomMember,
  type RoomRole,
} from './room.ts';

const ownRoomOf = async ({ rooms }: Deps, id: number, user_id: number): Promise<OwnRoom> => {
  const room = await rooms.findOneOwn(id, user_id);
  if (!room) throw roomErrors.notFound();
  return room;
};

/** Lets somebody in who is not in yet; the caller holds the room. */
export const enter = async (
  { members, events }: ChatStores,
  { user_id, username }: Pick<Member, 'user_id' | 'username'>,
  { room_id, at }: { room_id: number; at: Date },
): Promise<void> => {
  const member = await members.findOne(room_id, user_id);
  if (member?.state === 'banned') throw roomErrors.banned();
  if (isJoined(member)) return;
  await members.join(room_id, user_id, 'member');
  const data = { user_id, username, role: 'member' } as const;
  await events.append(room_id, [{ type: 'member_joined', user_id, data }], at.toISOString());
};

export const join =
  (deps: Deps) =>
  async (actor: Member, id: number): Promise<OwnRoom> => {
    await deps.inTransaction(async (stores) => {
      const { room } = await lockSeen(stores, actor, id);
      if (room.kind === 'public') await enter(stores, actor, { room_id: id, at: deps.now() });
    });
    return ownRoomOf(deps, id, actor.user_id);
  };

export const acceptInvite =
  (deps: Deps) =>
  async (actor: Member, code: string): Promise<OwnRoom> => {
    const room_id = await deps.inTransaction(async (stores) => {
      const invite = await stores.invites.lockOneByCode(code);
      const room = invite && (await stores.rooms.lockOneById(invite.room_id));
      if (!invite || !room || room.deleted_at !== null) throw roomErrors.notFound();
      if (isJoined(await stores.members.findOne(room.id, actor.user_id))) return room.id;
      if (!isOpen(invite, deps.now())) throw roomErrors.notFound();
      await enter(stores, actor, { room_id: room.id, at: deps.now() });
      await stores.invites.countUse(code);
      return room.id;
    });
    return ownRoomOf(deps, room_id, actor.user_id);
  };

const assertOtherOwner = async (
  { members }: ChatStores,
  { room_id, role }: RoomMember,
): Promise<void> => {
  if (role === 'owner' && (await members.countOwners(room_id)) < 2) throw roomErrors.lastOwner();
};

/** The last one out may leave: a room without members has no one to hand it to. */
const isLastMember = ({ member_count }: Room): boolean => member_count < 2;

export const leave =
  ({ inTransaction, now }: Deps) =>
  (actor: Member, id: number): Promise<{ id: number }> =>
    inTransaction(async (stores) => {
      const { room, member } = await lockEntered(stores, actor, id);
      assertRuled(room);
      if (!isLastMember(room)) await assertOtherOwner(stores, member);
      const { user_id, username } = actor;
      await stores.members.setState(id, user_id, 'left');
      const data = { user_id, username, by: user_id };
      const at = now().toISOString();
      await stores.events.append(id, [{ type: 'member_left', user_id, data }], at);
      return { id };
    });

type Standing = {
  role?: RoomRole | undefined;
  muted_until?: string | null | undefined;
  banned?: boolean | undefined;
};

type Change = { room: Room; by: RoomMember | undefined; on: RoomMember; actor: Member };

const giveRole = async (
  stores: ChatStores,
  { room, by, on }: Change,
  role: RoomRole,
): Promise<void> => {
  assertAllowed(isOwner(by));
  if (!isJoined(on)) throw roomErrors.notAMember();
  if (role !== 'owner') await assertOtherOwner(stores, on);
  await stores.members.setRole(room.id, on.user_id, role);
};

const moderationOf = ({ on, actor }: Change, action: string, until: string | null): EventDraft => {
  const { user_id, username } = on;
  const data = { user_id, username, by: actor.user_id, action, until };
  return { type: 'moderation', user_id: actor.user_id, data };
};

const ban = async (stores: ChatStores, change: Change, banned: boolean): Promise<EventDraft[]> => {
  const { room, on } = change;
  if (!banned && on.state !== 'banned') return [];
  await stores.members.setState(room.id, on.user_id, banned ? 'banned' : 'left');
  return [moderationOf(change, banned ? 'ban' : 'unban', null)];
};

const mute = async (
  stores: ChatStores,
  change: Change,
  until: string | null,
): Promise<EventDraft[]> => {
  await stores.members.setMutedUntil(change.room.id, change.on.user_id, until);
  return [moderationOf(change, until === null ? 'unmute' : 'mute', until)];
};

const applyStanding = async (
  stores: ChatStores,
  change: Change,
  { role, muted_until, banned }: Standing,
): Promise<EventDraft[]> => {
  if (muted_until !== undefined || banned !== undefined)
    assertAllowed(canActOn(change.actor, change));
  const drafts: EventDraft[] = [];
  if (role !== undefined && role !== change.on.role) {
    await giveRole(stores, change, role);
    drafts.push(moderationOf(change, `role:${role}`, null));
  }
  if (muted_until !== undefined) drafts.push(...(await mute(stores, change, muted_until)));
  if (banned !== undefined) drafts.push(...(await ban(stores, change, banned)));
  return drafts;
};

/** The member that a change is about; those who never came are no members. */
const findChange = async (
  stores: ChatStores,
  actor: Member,
  { id, user_id }: { id: number; user_id: number },
): Promise<Change> => {
  const { room, member: by } = await lockSeen(stores, actor, id);
  assertRuled(room);
  const on = await stores.members.findOne(id, user_id);
  if (!on) throw roomErrors.notFound();
  return { room, by, on, actor };
};

export const updateMember =
  ({ inTransaction, now }: Deps) =>
  (
    actor: Member,
    { id, user_id, ...standing }: Standing & { id: number; user_id: number },
    origin: Origin,
  ): Promise<RoomMember> =>
    inTransaction(async (stores) => {
      const change = await findChange(stores, actor, { id, user_id });
      const drafts = await applyStanding(stores, change, standing);
      await stores.events.append(id, drafts, now().toISOString());
      if (drafts.length > 0)
        await stores.audit.record({
          event_type: 'room_member_changed',
          user_id: actor.user_id,
          origin,
          success: true,
          details: { room_id: id, member_id: user_id, changes: Object.keys(standing).join(' ') },
        });
      return (await stores.members.findOne(id, user_id)) ?? change.on;
    });

export const removeMember =
  ({ inTransaction, now }: Deps) =>
  (
    actor: Member,
    { id, user_id }: { id: number; user_id: number },
    origin: Origin,
  ): Promise<{ id: number; user_id: number }> =>
    inTransaction(async (stores) => {
      const change = await findChange(stores, actor, { id, user_id });
      assertAllowed(canActOn(actor, change));
      if (!isJoined(change.on)) throw roomErrors.notFound();
      await stores.members.setState(id, user_id, 'left');
      const data = { user_id, username: change.on.username, by: actor.user_id };
      const draft = { type: 'member_left', user_id: actor.user_id, data } as const;
      await stores.events.append(id, [draft], now().toISOString());
      await stores.audit.record({
        event_type: 'room_member_removed',
        user_id: actor.user_id,
        origin,
        success: true,
        details: { room_id: id, member_id: user_id },
      });
      return { id, user_id };
    });
