import type { Member } from '#kernel/actor.ts';
import { look } from './chat.access.ts';
import type { Hub, Listener } from './chat.hub.ts';
import type { Deps, EventReads } from './chat.ports.ts';
import type { RoomEvent } from './chat-event.ts';
import { createPlaceKeeper, MARGIN_MS, type Place, readPlace } from './place.ts';

/** More events than this are not told one by one: whoever was away reads the room again. */
const MOST_MISSED = 1000;

/** What a subscriber gets: an event at its place, or that there were too many to tell. */
export type Told =
  | RoomEvent
  | { type: 'resync'; room_id: number; seq: number; timestamp: string; data: { cursor: number } };

/** @param id opaque; given back as `lastEventId`, what came after it is told */
export type Tell = (told: Told, id: string) => void;

export type Wanted = { room_ids?: readonly number[] | undefined; lastEventId?: string | undefined };

type Parts = { deps: Deps; reads: EventReads; hub: Hub };

/** Where to begin in a room: undefined is its end. */
const startOf = async (
  { reads }: Parts,
  room_id: number,
  place: Place | undefined,
): Promise<number | undefined> => {
  if (!place) return undefined;
  const known = place.seqs.get(room_id);
  if (known !== undefined) return known;
  return reads.findSeqBefore(room_id, new Date(place.at_ms - MARGIN_MS).toISOString());
};

type Pass = (told: Told) => void;

type Missed = { room_id: number; from: number; to: number };

/** What happened between two places, or that it was too much; nothing more once it is `over`. */
const catchUp = async (
  { hub, deps }: Parts,
  { room_id, from, to }: Missed,
  { pass, over }: { pass: Pass; over: () => boolean },
): Promise<void> => {
  if (to - from > MOST_MISSED) {
    const timestamp = deps.now().toISOString();
    return pass({ type: 'resync', room_id, seq: to, timestamp, data: { cursor: from } });
  }
  for (let seq = from; seq < to && !over();) {
    const events = await hub.readAfter(room_id, seq);
    for (const event of events) if (event.seq <= to) pass(event);
    seq = events.at(-1)?.seq ?? to;
  }
};

/** Numbers what it tells by how far its subscriber has come. */
const createTeller = ({ deps }: Parts, tell: Tell) => {
  const keeper = createPlaceKeeper(() => deps.now().getTime());
  let ended = false;
  /** A room that is entered again, after it could not be followed, is not told from the beginning. */
  const last = new Map<number, number>();
  const pass: Pass = (told) => {
    if (ended || told.seq <= (last.get(told.room_id) ?? -1)) return;
    last.set(told.room_id, told.seq);
    keeper.note(told.room_id, told.seq);
    tell(told, keeper.written());
  };
  const over = (): boolean => ended;
  return {
    begin: (room_id: number, seq: number): void => keeper.note(room_id, seq),
    pass,
    over,
    end(): void {
      ended = true;
    },
  };
};

/** Those that were named, which the actor must be able to read; otherwise those it is in. */
const roomsFor = async (
  { deps, reads }: Parts,
  actor: Member,
  room_ids: Wanted['room_ids'],
): Promise<readonly number[]> => {
  for (const id of room_ids ?? []) await look(deps, actor, id);
  return room_ids ?? (await reads.findJoined(actor.user_id)).map(({ room_id }) => room_id);
};

/**
 * One subscriber in all its rooms. In each room what it missed is told first, and then, without a gap, what
 * happens; it leaves a room when its user does.
 */
export const createSubscription = (
  parts: Parts,
  { actor, tell }: { actor: Member; tell: Tell },
) => {
  const stops = new Map<number, () => void>();
  const teller = createTeller(parts, tell);
  const { pass, over } = teller;

  const leave = (room_id: number): void => {
    stops.get(room_id)?.();
    stops.delete(room_id);
  };

  const follow = async (room_id: number, from: number | undefined): Promise<void> => {
    let waiting: RoomEvent[] | undefined = [];
    const listener: Listener = (event) => void (waiting ? waiting.push(event) : pass(event));
    const { seq, stop } = await parts.hub.listen(room_id, listener);
    if (over() || !stops.has(room_id)) return stop();
    stops.set(room_id, stop);
    teller.begin(room_id, from ?? seq);
    await catchUp(parts, { room_id, from: from ?? seq, to: seq }, { pass, over });
    for (const event of waiting) pass(event);
    waiting = undefined;
  };

  /** A room that could not be followed is left, so that it can be entered again. */
  const enter = async (room_id: number, from: number | undefined): Promise<void> => {
    if (over() || stops.has(room_id)) return;
    stops.set(room_id, () => undefined);
    try {
      await follow(room_id, from);
    } catch (fault) {
      leave(room_id);
      throw fault;
    }
  };

  return {
    user_id: actor.user_id,
    enter,
    isIn: (room_id: number): boolean => stops.has(room_id),
    leave,
    async start({ room_ids, lastEventId }: Wanted): Promise<void> {
      const place = lastEventId === undefined ? undefined : readPlace(lastEventId);
      const rooms = await roomsFor(parts, actor, room_ids);
      await Promise.all(rooms.map(async (id) => enter(id, await startOf(parts, id, place))));
    },
    end(): void {
      teller.end();
      for (const stop of stops.values()) stop();
      stops.clear();
    },
  };
};

export type Subscription = ReturnType<typeof createSubscription>;
