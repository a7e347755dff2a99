import type { Message } from './message.ts';
import type { RoomRole } from './room.ts';

/** What is kept and numbered; what is only passed on has no place in a room's order. */
export const durableTypes = [
  'message',
  'message_edited',
  'message_deleted',
  'reaction',
  'pin',
  'member_joined',
  'member_left',
  'room_updated',
  'moderation',
] as const;
export type DurableType = (typeof durableTypes)[number];

/** Whom a member event is about. */
type Who = { user_id: number; username: string };

export type EventData = {
  message: Message;
  message_edited: Message;
  message_deleted: { message_id: number; deleted_at: string; by: number };
  reaction: { message_id: number; user_id: number; emoji: string; added: boolean };
  pin: { message_id: number; by: number; pinned: boolean };
  member_joined: Who & { role: RoomRole };
  member_left: Who & { by: number };
  room_updated: { by: number; name: string | null; description: string | null; deleted: boolean };
  moderation: Who & { by: number; action: string; until: string | null };
};

/** One event of a room, at its place in the order. */
export type RoomEvent = {
  [T in DurableType]: {
    type: T;
    room_id: number;
    seq: number;
    timestamp: string;
    data: EventData[T];
  };
}[DurableType];

/** An event that is not numbered yet. */
export type EventDraft = {
  [T in DurableType]: { type: T; user_id: number; message_id?: number; data: EventData[T] };
}[DurableType];
