import { refusal, sharedErrors } from '#kernel/errors.ts';

export const roomKinds = ['public', 'private', 'direct'] as const;
export type RoomKind = (typeof roomKinds)[number];

/** From the least to the most powerful. */
export const roomRoles = ['member', 'moderator', 'owner'] as const;
export type RoomRole = (typeof roomRoles)[number];

export const memberStates = ['joined', 'left', 'banned'] as const;
export type MemberState = (typeof memberStates)[number];

export type Room = {
  id: number;
  kind: RoomKind;
  name: string | null;
  description: string | null;
  slow_mode_seconds: number;
  member_count: number;
  /** Of the newest durable event. */
  last_seq: number;
  created_by: number;
  version: number;
  last_message_at: string | null;
  created_at: string;
  updated_at: string;
  deleted_at: string | null;
};

export type RoomDetails = Pick<Room, 'name' | 'description' | 'slow_mode_seconds'>;

export type RoomMember = {
  room_id: number;
  user_id: number;
  username: string;
  role: RoomRole;
  state: MemberState;
  muted_until: string | null;
  /** Up to and with this event everything has been read. */
  read_seq: number;
  /** Of the newest message, for slow mode. */
  last_sent_at: string | null;
  joined_at: string;
};

/** A room as one of its members sees it in a list. */
export type OwnRoom = Room & {
  membership: Pick<RoomMember, 'role' | 'muted_until' | 'read_seq' | 'joined_at'>;
  unread_count: number;
  mention_count: number;
  /** The other one of a direct conversation. */
  peer: { user_id: number; username: string } | null;
};

export type Invite = {
  code: string;
  room_id: number;
  created_by: number;
  expires_at: string | null;
  max_uses: number | null;
  uses: number;
  created_at: string;
};

export const roomErrors = {
  notFound: sharedErrors.notFound,
  forbidden: sharedErrors.forbidden,
  notAMember: refusal('forbidden', 'NOT_A_MEMBER', 'Join the room to do this'),
  banned: refusal('forbidden', 'ROOM_BANNED', 'You are banned from this room'),
  muted: refusal('forbidden', 'MEMBER_MUTED', 'You are muted in this room'),
  lastOwner: refusal('conflict', 'LAST_OWNER', 'Make somebody else an owner first'),
  direct: refusal('conflict', 'DIRECT_ROOM', 'A direct conversation has two members, and stays so'),
  messagesRefused: refusal('forbidden', 'MESSAGES_REFUSED', 'This user takes no messages from you'),
};

/** Names the one direct room of two people, whoever asks first. */
export const directKey = (a: number, b: number): string => `${Math.min(a, b)}:${Math.max(a, b)}`;

export const outranks = (a: RoomRole, b: RoomRole): boolean =>
  roomRoles.indexOf(a) > roomRoles.indexOf(b);

/** Whether an invite still lets somebody in. */
export const isOpen = ({ expires_at, max_uses, uses }: Invite, now: Date): boolean =>
  (expires_at === null || Date.parse(expires_at) > now.getTime()) &&
  (max_uses === null || uses < max_uses);
