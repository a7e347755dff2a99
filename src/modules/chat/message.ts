import { refusal, sharedErrors } from '#kernel/errors.ts';

export const LONGEST_MESSAGE = 4000;
export const LONGEST_CLIENT_ID = 64;
/** Kinds of reaction to one message, and what may be one: a few emoji, joined or not. */
export const MOST_REACTIONS = 20;

export type Reaction = { emoji: string; count: number; user_ids: number[] };

export type Message = {
  id: number;
  room_id: number;
  /** Of the event that brought it: its place in the room. */
  seq: number;
  user_id: number;
  username: string;
  /** Null once it is deleted: a tombstone keeps its place. */
  content: string | null;
  reply_to: number | null;
  reactions: Reaction[];
  mentions: number[];
  pinned_at: string | null;
  edited_at: string | null;
  deleted_at: string | null;
  created_at: string;
  client_id: string | null;
};

export type MessageEdit = { content: string; edited_at: string };

export const messageErrors = {
  notFound: sharedErrors.notFound,
  forbidden: sharedErrors.forbidden,
  blocked: refusal('unprocessable', 'MESSAGE_BLOCKED', 'This message is not let through'),
  slowMode: refusal('limit_exceeded', 'SLOW_MODE', 'Slow mode: wait before the next message'),
  clientIdReused: refusal(
    'conflict',
    'CLIENT_ID_REUSED',
    'Another message was sent under this client_id',
  ),
  tooManyReactions: refusal('conflict', 'TOO_MANY_REACTIONS', 'The message has enough reactions'),
};

const mention = /(?<![\w@])@([A-Za-z0-9]{3,50})(?![\w@])/g;
const MOST_MENTIONS = 50;

/** The usernames that a text names with an at sign, in lower case, each once. */
export const mentionsIn = (content: string): string[] => {
  const names = [...content.matchAll(mention)].map(([, name = '']) => name.toLowerCase());
  return [...new Set(names)].slice(0, MOST_MENTIONS);
};

/** Whole seconds until slow mode lets this author speak again; zero when it does now. */
export const slowModeSeconds = (
  { slow_mode_seconds, last_sent_at }: { slow_mode_seconds: number; last_sent_at: string | null },
  now: Date,
): number => {
  if (slow_mode_seconds === 0 || last_sent_at === null) return 0;
  const free_at = Date.parse(last_sent_at) + slow_mode_seconds * 1000;
  return Math.max(0, Math.ceil((free_at - now.getTime()) / 1000));
};
