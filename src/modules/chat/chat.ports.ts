import type { Slice } from '#kernel/feed.ts';
import type { AuditTrail } from '#modules/audit/audit.events.ts';
import type { EventDraft, RoomEvent } from './chat-event.ts';
import type { Message, MessageEdit } from './message.ts';
import type { Invite, OwnRoom, Room, RoomDetails, RoomMember, RoomRole } from './room.ts';

export interface RoomReads {
  /** Deleted ones, too: callers decide. */
  findOneById(id: number): Promise<Room | undefined>;
  findManyPublic(query: { q: string | undefined; slice: Slice }): Promise<Room[]>;
  countPublic(query: { q: string | undefined }): Promise<number>;
  findManyOwn(query: { user_id: number; direct: boolean; slice: Slice }): Promise<OwnRoom[]>;
  countOwn(query: { user_id: number; direct: boolean }): Promise<number>;
  findOneOwn(id: number, user_id: number): Promise<OwnRoom | undefined>;
  findMember(room_id: number, user_id: number): Promise<RoomMember | undefined>;
  findManyMembers(room_id: number, slice: Slice): Promise<(RoomMember & Positioned)[]>;
  countMembers(room_id: number): Promise<number>;
}

/** What a feed is walked by. */
type Positioned = { id: number; created_at: string };

export interface RoomWrites {
  /** Whoever changes a room, or what is in it, holds it: its events are numbered one after another. */
  lockOneById(id: number): Promise<Room | undefined>;
  insertOne(room: NewRoom): Promise<Room>;
  /** The room of two people, made when it is missing, and locked. */
  ensureDirect(room: NewRoom, direct_key: string): Promise<{ room: Room; made: boolean }>;
  updateOne(id: number, changes: RoomChanges): Promise<Room>;
  setDeleted(id: number, at: string): Promise<void>;
}

export type NewRoom = Pick<Room, 'kind' | 'name' | 'created_by'> & RoomChanges;
export type RoomChanges = { [K in keyof RoomDetails]?: RoomDetails[K] | undefined };

export interface MemberWrites {
  findOne(room_id: number, user_id: number): Promise<RoomMember | undefined>;
  /** Joins, or joins again, and counts. Those who come see the room from here on as read. */
  join(room_id: number, user_id: number, role: RoomRole): Promise<RoomMember>;
  setState(room_id: number, user_id: number, state: 'left' | 'banned'): Promise<void>;
  setRole(room_id: number, user_id: number, role: RoomRole): Promise<void>;
  setMutedUntil(room_id: number, user_id: number, until: string | null): Promise<void>;
  countOwners(room_id: number): Promise<number>;
  /** Moves the marker forward; answers where it is. */
  markRead(room_id: number, user_id: number, seq: number): Promise<number>;
}

export interface InviteStore {
  findManyOpen(room_id: number, now: Date): Promise<Invite[]>;
  lockOneByCode(code: string): Promise<Invite | undefined>;
  insertOne(invite: Omit<Invite, 'uses' | 'created_at'>): Promise<Invite>;
  countUse(code: string): Promise<void>;
  revokeOne(room_id: number, code: string): Promise<boolean>;
}

export interface MessageReads {
  findOneById(id: number): Promise<Message | undefined>;
  /** By place, within bounds that are not included; in either order. */
  findMany(query: MessageRange): Promise<Message[]>;
  findPage(room_id: number, slice: { limit: number; offset: number }): Promise<Message[]>;
  count(room_id: number): Promise<number>;
  findEdits(id: number): Promise<MessageEdit[]>;
}

export type MessageRange = {
  room_id: number;
  before?: number | undefined;
  after?: number | undefined;
  order: 'newest' | 'oldest';
  limit: number;
};

export interface MessageWrites {
  findOneById(id: number): Promise<Message | undefined>;
  edit(id: number, content: string, edit: { mentions: number[]; at: string }): Promise<Message>;
  /** Takes the content, and what it said before, away. */
  bury(id: number, by: number, at: string): Promise<Message>;
  /** Whether anything has changed. */
  addReaction(id: number, user_id: number, emoji: string): Promise<boolean>;
  removeReaction(id: number, user_id: number, emoji: string): Promise<boolean>;
  setPinned(id: number, by: number, at: string | null): Promise<Message>;
}

export interface EventLog {
  /** Numbers events of a room that the caller holds, in their order, and tells of them at commit. */
  append(room_id: number, drafts: readonly EventDraft[], at: string): Promise<void>;
}

/** What subscribers catch up from. */
export interface EventReads {
  findAfter(room_id: number, seq: number, limit: number): Promise<RoomEvent[]>;
  findLastSeqs(room_ids: readonly number[]): Promise<Map<number, number>>;
  /** Rooms that a user is in, and since when. */
  findJoined(user_id: number): Promise<{ room_id: number; joined_at: string }[]>;
  /** The last event of a room at an instant; 0 when there was none. */
  findSeqBefore(room_id: number, at: string): Promise<number>;
}

/** A message on its way to be kept. */
export type Outgoing = {
  room_id: number;
  author: { user_id: number; username: string };
  content: string;
  /** As it was sent, before moderation: what its client_id stands for. */
  written: string;
  reply_to: number | null;
  client_id: string | null;
};

/** What became of it: kept, kept before, or why it was not. */
export type Kept =
  | { outcome: 'kept' | 'repeated'; message: Message }
  | { outcome: 'not_found' | 'not_a_member' | 'client_id_reused' }
  | { outcome: 'muted' | 'slow_mode'; retry_after_seconds: number };

export interface MessageKeeper {
  /** Keeps messages in the order given, in one transaction; one that is refused holds up no other. */
  keepMany(outgoing: readonly Outgoing[], at: Date): Promise<Kept[]>;
  /** What was kept under the client_id before, if anything was. */
  findRepeated(outgoing: Outgoing): Promise<Kept | undefined>;
}

/** Members that a text names, as far as they are in the room and have not blocked who names them. */
export interface Mentions {
  findMentioned(room_id: number, author_id: number, names: readonly string[]): Promise<number[]>;
}

export interface Users {
  /** Refuses a user who has no profile. */
  get(id: number): Promise<{ id: number; username: string }>;
  /** Whether either has blocked the other, or takes no direct messages from them. */
  takesMessages(to: number, from: number): Promise<boolean>;
}

export type ChatStores = {
  rooms: RoomWrites;
  members: MemberWrites;
  invites: InviteStore;
  messages: MessageWrites;
  mentions: Mentions;
  events: EventLog;
  moderation: ModerationRecords;
  audit: AuditTrail;
};
export type InTransaction = <T>(work: (stores: ChatStores) => Promise<T>) => Promise<T>;

type Action = 'allow' | 'warn' | 'censor' | 'hold' | 'block' | 'mute' | 'ban';
type Finding = {
  rule_id: number;
  rule_version: number;
  rule_name: string;
  start: number;
  end: number;
  score: number;
  action: Action;
};

/** What the rules say of a text, and why. */
export type Reviewed = { action: Action; findings: Finding[]; censored?: string };

export interface Moderation {
  review(written: {
    text: string;
    scope: 'message';
    author_id: number;
    room_id: number;
    mentions: number;
  }): Promise<Reviewed>;
}

/** Bound to a transaction: what was decided, and what now stands against the author. */
export interface ModerationRecords {
  record(decision: {
    scope: 'message';
    subject_kind: string;
    subject_id: number | null;
    author_id: number;
    action: Action;
    findings: readonly Finding[];
    text: null;
  }): Promise<unknown>;
  strike(user_id: number, action: Action): Promise<{ action: string; until: string | null }>;
}

export type Deps = {
  rooms: RoomReads;
  messages: MessageReads;
  keeper: MessageKeeper;
  invites: Pick<InviteStore, 'findManyOpen'>;
  inTransaction: InTransaction;
  users: Users;
  moderation: Moderation;
  newCode: () => string;
  request_timeout_ms: number;
  now: () => Date;
};
