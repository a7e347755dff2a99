import type { Actor, Member, Origin } from '#kernel/actor.ts';
import { readFeed } from '#kernel/feed.ts';
import type { Feed, FeedQuery } from '#kernel/page.ts';
import { assertVersion } from '#kernel/version.ts';
import { assertAllowed, assertRuled, lockEntered, look } from './chat.access.ts';
import { isJoined, isOwner } from './chat.policy.ts';
import type { ChatStores, Deps, RoomChanges } from './chat.ports.ts';
import { type OwnRoom, type Room, roomErrors, type RoomMember } from './room.ts';

export const list =
  ({ rooms }: Deps) =>
  ({ q, ...query }: FeedQuery & { q?: string | undefined }): Promise<Feed<Room>> =>
    readFeed('rooms', query, {
      find: (slice) => rooms.findManyPublic({ q, slice }),
      count: () => rooms.countPublic({ q }),
    });

const own =
  (direct: boolean) =>
  ({ rooms }: Deps) =>
  ({ user_id }: Member, query: FeedQuery): Promise<Feed<OwnRoom>> =>
    readFeed(`${direct ? 'conversations' : 'rooms'} of ${user_id}`, query, {
      find: (slice) => rooms.findManyOwn({ user_id, direct, slice }),
      count: () => rooms.countOwn({ user_id, direct }),
    });

export const mine = own(false);
export const conversations = own(true);

export const get =
  (deps: Deps) =>
  async (actor: Actor, id: number): Promise<Room> =>
    (await look(deps, actor, id)).room;

export const members =
  (deps: Deps) =>
  async (
    actor: Member,
    { id, ...query }: FeedQuery & { id: number },
  ): Promise<Feed<RoomMember>> => {
    const { member } = await look(deps, actor, id);
    if (!isJoined(member)) throw roomErrors.notAMember();
    return readFeed(`members of ${id}`, query, {
      find: (slice) => deps.rooms.findManyMembers(id, slice),
      count: () => deps.rooms.countMembers(id),
    });
  };

type NewPlace = RoomChanges & { name: string; kind: 'public' | 'private' };

export const create =
  ({ inTransaction, now }: Deps) =>
  (actor: Member, input: NewPlace, origin: Origin): Promise<Room> =>
    inTransaction(async ({ rooms, members, events, audit }) => {
      const { user_id, username } = actor;
      const room = await rooms.insertOne({ ...input, created_by: user_id });
      await members.join(room.id, user_id, 'owner');
      const data = { user_id, username, role: 'owner' } as const;
      await events.append(room.id, [{ type: 'member_joined', user_id, data }], now().toISOString());
      const details = { room_id: room.id, kind: room.kind };
      await audit.record({ event_type: 'room_created', user_id, origin, success: true, details });
      return (await rooms.lockOneById(room.id)) ?? room;
    });

type Call = { origin: Origin; if_match: readonly string[] | undefined };

const tell = (
  { events }: ChatStores,
  { id, name, description }: Room,
  { by, deleted, at }: { by: number; deleted: boolean; at: Date },
) => {
  const data = { by, name, description, deleted };
  return events.append(id, [{ type: 'room_updated', user_id: by, data }], at.toISOString());
};

export const update =
  ({ inTransaction, now }: Deps) =>
  (actor: Member, { id, ...changes }: RoomChanges & { id: number }, call: Call): Promise<Room> =>
    inTransaction(async (stores) => {
      const { room, member } = await lockEntered(stores, actor, id);
      assertRuled(room);
      assertAllowed(isOwner(member));
      assertVersion(call.if_match, room.version);
      if (Object.keys(changes).length === 0) return room;
      const updated = await stores.rooms.updateOne(id, changes);
      await tell(stores, updated, { by: actor.user_id, deleted: false, at: now() });
      return (await stores.rooms.lockOneById(id)) ?? updated;
    });

export const remove =
  ({ inTransaction, now }: Deps) =>
  (actor: Member, id: number, { origin, if_match }: Call): Promise<{ id: number }> =>
    inTransaction(async (stores) => {
      const { room, member } = await lockEntered(stores, actor, id);
      assertRuled(room);
      assertAllowed(isOwner(member));
      assertVersion(if_match, room.version);
      const at = now();
      await tell(stores, room, { by: actor.user_id, deleted: true, at });
      await stores.rooms.setDeleted(id, at.toISOString());
      await stores.audit.record({
        event_type: 'room_removed',
        user_id: actor.user_id,
        origin,
        success: true,
        details: { room_id: id },
      });
      return { id };
    });
