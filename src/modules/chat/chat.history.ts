import type { Actor, Member } from '#kernel/actor.ts';
import { decodeCursor, encodeCursor } from '#kernel/cursor.ts';
import { type Feed, type FeedQuery, paginate } from '#kernel/page.ts';
import { invalidFields } from '#kernel/errors.ts';
import { look } from './chat.access.ts';
import { isJoined } from './chat.policy.ts';
import type { Deps, MessageRange } from './chat.ports.ts';
import { type Message, messageErrors } from './message.ts';
import { type OwnRoom, roomErrors } from './room.ts';

type Places = {
  before?: number | undefined;
  after?: number | undefined;
  around?: number | undefined;
};

/** They say where to read in different ways: together they would say nothing. */
const assertOneWay = ({ page, cursor, before, after, around }: FeedQuery & Places): void => {
  const ways = { page, cursor, before, after, around };
  const given = Object.entries(ways).filter(([, value]) => value !== undefined);
  if (given.length > 1)
    throw invalidFields(given.map(([field]) => ({ field, message: 'Is given beside another' })));
};

const nameOf = (room_id: number): string => `messages of ${room_id}`;

/** Whether there is more is known by asking for one more. */
const walked = async (deps: Deps, range: MessageRange): Promise<Feed<Message>> => {
  const { limit, order, room_id } = range;
  const found = await deps.messages.findMany({ ...range, limit: limit + 1 });
  const data = found.slice(0, limit);
  const has_next = found.length > limit;
  const last = data.at(-1);
  const next_cursor =
    has_next && last && order === 'newest'
      ? encodeCursor(nameOf(room_id), { at: last.created_at, id: last.seq })
      : null;
  return { data, pagination: { limit, has_next, next_cursor } };
};

const page = async (deps: Deps, room_id: number, query: FeedQuery): Promise<Feed<Message>> => {
  const { limit, page = 1 } = query;
  const [data, total] = await Promise.all([
    deps.messages.findPage(room_id, { limit, offset: (page - 1) * limit }),
    deps.messages.count(room_id),
  ]);
  return { data, pagination: paginate({ page, limit }, total) };
};

/** As many before the message as after it; it stands between them. */
const around = async (
  deps: Deps,
  room_id: number,
  { message_id, limit }: { message_id: number; limit: number },
): Promise<Feed<Message>> => {
  const message = await deps.messages.findOneById(message_id);
  if (message?.room_id !== room_id) throw messageErrors.notFound();
  const { seq } = message;
  const half = Math.floor(limit / 2);
  const [older, newer] = await Promise.all([
    deps.messages.findMany({ room_id, before: seq + 1, order: 'newest', limit: half + 1 }),
    deps.messages.findMany({ room_id, after: seq, order: 'oldest', limit: limit - half }),
  ]);
  const has_next = newer.length >= limit - half;
  const data = [...older.toReversed(), ...newer.slice(0, Math.max(0, limit - half - 1))];
  return { data, pagination: { limit, has_next, next_cursor: null } };
};

type HistoryQuery = FeedQuery & Places & { id: number };

export const history =
  (deps: Deps) =>
  async (actor: Actor, { id: room_id, ...query }: HistoryQuery): Promise<Feed<Message>> => {
    assertOneWay(query);
    await look(deps, actor, room_id);
    const { limit, cursor, before, after } = query;
    if (query.around !== undefined)
      return around(deps, room_id, { message_id: query.around, limit });
    if (after !== undefined) return walked(deps, { room_id, after, order: 'oldest', limit });
    if (before !== undefined) return walked(deps, { room_id, before, order: 'newest', limit });
    if (cursor === undefined) return page(deps, room_id, query);
    const from = decodeCursor(nameOf(room_id), cursor)?.id;
    return walked(deps, { room_id, before: from, order: 'newest', limit });
  };

type Marker = { read_seq: number; unread_count: number; mention_count: number };

export const markRead =
  (deps: Deps) =>
  async (actor: Member, { id, seq }: { id: number; seq: number }): Promise<Marker> => {
    const { room, member } = await look(deps, actor, id);
    if (!isJoined(member)) throw roomErrors.notAMember();
    const { user_id } = actor;
    const up_to = Math.min(seq, room.last_seq);
    const read_seq = await deps.inTransaction(({ members }) =>
      members.markRead(id, user_id, up_to),
    );
    const own: OwnRoom | undefined = await deps.rooms.findOneOwn(id, user_id);
    if (!own) throw roomErrors.notFound();
    const { unread_count, mention_count } = own;
    return { read_seq, unread_count, mention_count };
  };
