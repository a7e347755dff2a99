import type { EventReads } from './chat.ports.ts';
import type { RoomEvent } from './chat-event.ts';
import { createRoomChannel, type RoomChannel } from './room-channel.ts';

/** Told of every event of a room, each once and in order. */
export type Listener = (event: RoomEvent) => void;

type Open = { channel: RoomChannel; listeners: Set<Listener> };

type Settings = {
  reads: EventReads;
  /** Told of every event that is delivered, after its listeners. */
  delivered: Listener;
  log: { warn(facts: object, said: string): void };
};

const READ_AT_ONCE = 500;
/** What was committed elsewhere is told so soon. */
const WATCH_MS = 1000;

/** Rooms that somebody listens to, opened once for any number of listeners. */
const createRooms = ({ reads, delivered, log }: Settings) => {
  const rooms = new Map<number, Open>();
  const opening = new Map<number, { room: Promise<Open>; early: RoomEvent[] }>();
  const failed = (fault: unknown): void => log.warn({ err: fault }, 'events of a room not read');

  const open = async (room_id: number, early: readonly RoomEvent[]): Promise<Open> => {
    const seq = (await reads.findLastSeqs([room_id])).get(room_id) ?? 0;
    const listeners = new Set<Listener>();
    const deliver: Listener = (event) => {
      for (const listener of listeners) listener(event);
      delivered(event);
    };
    const read = (after: number) => reads.findAfter(room_id, after, READ_AT_ONCE);
    const room = { channel: createRoomChannel({ seq, deliver, read, failed }), listeners };
    rooms.set(room_id, room);
    for (const event of early) room.channel.accept(event);
    return room;
  };

  const accept = (event: RoomEvent): void => {
    opening.get(event.room_id)?.early.push(event);
    rooms.get(event.room_id)?.channel.accept(event);
  };
  const ensure = (room_id: number): Promise<Open> => {
    const known = rooms.get(room_id);
    if (known) return Promise.resolve(known);
    const before = opening.get(room_id);
    if (before) return before.room;
    const early: RoomEvent[] = [];
    const room = open(room_id, early).finally(() => opening.delete(room_id));
    opening.set(room_id, { room, early });
    return room;
  };
  return { rooms, failed, accept, ensure };
};

/**
 * The rooms that somebody in this process listens to. What this process commits comes by itself; what another
 * one commits is read.
 */
export const createHub = (settings: Settings) => {
  const { reads } = settings;
  const { rooms, failed, accept, ensure } = createRooms(settings);

  const watch = async (): Promise<void> => {
    const last = await reads.findLastSeqs([...rooms.keys()]);
    for (const [id, seq] of last) await rooms.get(id)?.channel.reach(seq);
  };
  const leave = (room_id: number, { channel, listeners }: Open): void => {
    if (listeners.size > 0 || rooms.get(room_id)?.channel !== channel) return;
    channel.close();
    rooms.delete(room_id);
  };
  let watching = Promise.resolve();
  const timer = setInterval(() => {
    if (rooms.size > 0) watching = watching.then(watch).catch(failed);
  }, WATCH_MS);
  timer.unref();

  return {
    /** Rooms that nobody here listens to are passed over. */
    accept(events: readonly RoomEvent[]): void {
      for (const event of events) accept(event);
    },
    /** Listens from the end of the room on; answers where that is, and how to stop. */
    async listen(room_id: number, listener: Listener): Promise<{ seq: number; stop: () => void }> {
      const room = await ensure(room_id);
      room.listeners.add(listener);
      const stop = (): void => {
        room.listeners.delete(listener);
        leave(room_id, room);
      };
      return { seq: room.channel.seq(), stop };
    },
    readAfter: (room_id: number, seq: number): Promise<RoomEvent[]> =>
      reads.findAfter(room_id, seq, READ_AT_ONCE),
    close(): void {
      clearInterval(timer);
      for (const { channel } of rooms.values()) channel.close();
      rooms.clear();
    },
  };
};

export type Hub = ReturnType<typeof createHub>;
