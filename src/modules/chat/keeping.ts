import { type Message, slowModeSeconds } from './message.ts';
import type { Kept, Outgoing } from './chat.ports.ts';
import type { Room, RoomMember } from './room.ts';

/** What a message is told by when its client_id comes again. */
export type Repeated = { message: Message; isSame: boolean };

/** What is known under the locks of the rooms that messages go to. */
export type Ground = {
  rooms: ReadonlyMap<number, Pick<Room, 'slow_mode_seconds' | 'last_seq' | 'deleted_at'>>;
  memberOf: (
    room_id: number,
    user_id: number,
  ) => Pick<RoomMember, 'state' | 'role' | 'muted_until' | 'last_sent_at'> | undefined;
  repeatedBy: (outgoing: Outgoing) => Repeated | undefined;
};

/** A message that is kept, at its place. */
export type Placed = { index: number; outgoing: Outgoing; seq: number };

type Refusal = Exclude<Kept, { message: Message }>;
export type Plan = {
  placed: Placed[];
  settled: Map<number, Kept>;
  /** Sent twice in the same group: the later one is answered as the earlier one. */
  twins: Map<number, number>;
};

const refusalOf = (
  ground: Ground,
  { room_id, author }: Outgoing,
  at: Date,
): Refusal | undefined => {
  const room = ground.rooms.get(room_id);
  if (!room || room.deleted_at !== null) return { outcome: 'not_found' };
  const member = ground.memberOf(room_id, author.user_id);
  if (member?.state !== 'joined') return { outcome: 'not_a_member' };
  const muted_ms = member.muted_until === null ? 0 : Date.parse(member.muted_until) - at.getTime();
  if (muted_ms > 0) return { outcome: 'muted', retry_after_seconds: Math.ceil(muted_ms / 1000) };
  if (member.role !== 'member') return undefined;
  const { last_sent_at } = member;
  const wait = slowModeSeconds({ slow_mode_seconds: room.slow_mode_seconds, last_sent_at }, at);
  return wait > 0 ? { outcome: 'slow_mode', retry_after_seconds: wait } : undefined;
};

const keyOf = ({ author, client_id }: Outgoing): string | undefined =>
  client_id === null ? undefined : `${author.user_id}:${client_id}`;

const isSame = (a: Outgoing, b: Outgoing): boolean =>
  a.room_id === b.room_id && a.written === b.written && a.reply_to === b.reply_to;

export const settledBefore = ({ isSame, message }: Repeated): Kept =>
  isSame ? { outcome: 'repeated', message } : { outcome: 'client_id_reused' };

/** Who is let in, at which place, in the order of coming; pure, so that it can be read as the rule it is. */
export const plan = (outgoing: readonly Outgoing[], ground: Ground, at: Date): Plan => {
  const places = new Map([...ground.rooms].map(([id, { last_seq }]) => [id, last_seq]));
  const first = new Map<string, number>();
  const spoke = new Set<string>();
  const made: Plan = { placed: [], settled: new Map(), twins: new Map() };

  const settleEarlier = (index: number, each: Outgoing): boolean => {
    const before = ground.repeatedBy(each);
    if (before) {
      made.settled.set(index, settledBefore(before));
      return true;
    }
    const twin = first.get(keyOf(each) ?? '');
    if (twin === undefined) return false;
    if (isSame(outgoing[twin] as Outgoing, each)) made.twins.set(index, twin);
    else made.settled.set(index, { outcome: 'client_id_reused' });
    return true;
  };

  const place = (index: number, each: Outgoing): void => {
    const seq = (places.get(each.room_id) ?? 0) + 1;
    places.set(each.room_id, seq);
    made.placed.push({ index, outgoing: each, seq });
    const key = keyOf(each);
    if (key !== undefined) first.set(key, index);
  };

  for (const [index, each] of outgoing.entries()) {
    if (settleEarlier(index, each)) continue;
    const refused = refusalOf(ground, each, at) ?? hasSpoken(ground, each, spoke);
    if (refused) made.settled.set(index, refused);
    else place(index, each);
  }
  return made;
};

/** In slow mode two messages of one member in the same group are one too many. */
const hasSpoken = (
  { rooms, memberOf }: Ground,
  { room_id, author }: Outgoing,
  spoke: Set<string>,
): Refusal | undefined => {
  const { slow_mode_seconds = 0 } = rooms.get(room_id) ?? {};
  if (slow_mode_seconds === 0 || memberOf(room_id, author.user_id)?.role !== 'member')
    return undefined;
  const key = `${room_id}:${author.user_id}`;
  if (spoke.has(key)) return { outcome: 'slow_mode', retry_after_seconds: slow_mode_seconds };
  spoke.add(key);
  return undefined;
};
