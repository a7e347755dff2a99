import { z } from 'zod';
import { sharedErrors } from '#kernel/errors.ts';
import { id, text, timestamp } from '#kernel/fields.ts';
import { feedFields, feedOf } from '#kernel/page.ts';
import { route } from '#kernel/route.ts';
import { LONGEST_CLIENT_ID, LONGEST_MESSAGE, messageErrors } from './message.ts';
import { roomErrors } from './room.ts';
import { ownRoom } from './rooms.contract.ts';

const tag = 'messages';

const reaction = z.object({ emoji: z.string(), count: z.int(), user_ids: z.array(id()) });

export const message = z
  .object({
    id: id(),
    room_id: id(),
    seq: z.int().describe('Its place in the room'),
    user_id: id(),
    username: z.string(),
    content: z.string().nullable().describe('Null once it was deleted'),
    reply_to: id().nullable(),
    reactions: z.array(reaction),
    mentions: z.array(id()).describe('Members that it names'),
    pinned_at: timestamp().nullable(),
    edited_at: timestamp().nullable(),
    deleted_at: timestamp().nullable(),
    created_at: timestamp(),
    client_id: z.string().nullable(),
  })
  .meta({ id: 'Message' });

/** Not blank: what is only space says nothing. */
const content = text(1, LONGEST_MESSAGE).refine((written) => written.trim() !== '', 'Is blank');
const clientId = text(1, LONGEST_CLIENT_ID).describe('Makes sending it again safe, for ever');
/** Emoji and what joins them (Unicode TR 51), at least one of which stands for something. */
const emoji = text(1, 32)
  .refine(
    (written) => /^[\p{Extended_Pictographic}\p{Emoji_Component}]+$/u.test(written),
    'Is no emoji',
  )
  .refine(
    (written) => /[\p{Extended_Pictographic}\p{Regional_Indicator}]|\u{20e3}/u.test(written),
    'Is no emoji',
  );

const one = z.strictObject({ id: id() });
const place = z.int().min(0).max(Number.MAX_SAFE_INTEGER).optional();
const { notFound, notAMember, muted, messagesRefused } = roomErrors;
const { blocked, slowMode, clientIdReused, tooManyReactions, forbidden } = messageErrors;

const history = {
  history: route({
    method: 'GET',
    path: '/rooms/{id}/messages',
    tag,
    summary: 'Read the messages of a room',
    description:
      'Newest first: by page, walked by cursor, or `before` a place. `after` a place, and `around` a message, they come in the order in which they were sent. Deleted ones keep their place, without content.',
    caller: 'anyone',
    errors: [notFound],
    input: z.strictObject({
      ...feedFields,
      id: id(),
      before: place.describe('Messages whose `seq` is lower'),
      after: place.describe('Messages whose `seq` is higher'),
      around: id().optional().describe('A message, with as many before it as after it'),
    }),
    output: feedOf(message),
  }),
  edits: route({
    method: 'GET',
    path: '/messages/{id}/edits',
    tag,
    summary: 'Read what a message said before it was edited',
    description: 'Oldest first; for its author and for moderators.',
    caller: 'member',
    errors: [notFound, forbidden],
    input: one,
    output: z
      .object({ edits: z.array(z.object({ content: z.string(), edited_at: timestamp() })) })
      .meta({ id: 'MessageEdits' }),
  }),
};

const writing = {
  send: route({
    method: 'POST',
    path: '/rooms/{id}/messages',
    tag,
    summary: 'Send a message',
    description:
      'Answered once it is kept. The same `client_id` again answers the same message; with another content it is refused.',
    caller: 'member',
    status: 201,
    limit: { name: 'message', by: 'user' },
    errors: [
      notFound,
      notAMember,
      muted,
      messagesRefused,
      blocked,
      slowMode,
      clientIdReused,
      sharedErrors.rateLimited,
    ],
    example: { input: { content: 'Good evening @nina', client_id: '8f14e45f' } },
    input: z.strictObject({
      id: id(),
      content,
      reply_to: id().optional(),
      client_id: clientId.optional(),
    }),
    output: message,
  }),
  edit: route({
    method: 'PUT',
    path: '/messages/{id}',
    tag,
    summary: 'Edit a message of yours',
    caller: 'member',
    errors: [notFound, notAMember, muted, forbidden, blocked],
    input: z.strictObject({ id: id(), content }),
    output: message,
  }),
  remove: route({
    method: 'DELETE',
    path: '/messages/{id}',
    tag,
    summary: 'Delete a message',
    description: 'Of yours, or in a room that you moderate. A tombstone keeps its place.',
    caller: 'member',
    errors: [notFound, forbidden],
    input: one,
    output: message,
  }),
};

const marking = {
  react: route({
    method: 'PUT',
    path: '/messages/{id}/reactions/{emoji}',
    tag,
    summary: 'React to a message',
    caller: 'member',
    errors: [notFound, notAMember, muted, tooManyReactions],
    input: z.strictObject({ id: id(), emoji }),
    output: message,
  }),
  unreact: route({
    method: 'DELETE',
    path: '/messages/{id}/reactions/{emoji}',
    tag,
    summary: 'Take a reaction back',
    caller: 'member',
    errors: [notFound, notAMember],
    input: z.strictObject({ id: id(), emoji }),
    output: message,
  }),
  pin: route({
    method: 'PUT',
    path: '/messages/{id}/pin',
    tag,
    summary: 'Pin a message',
    caller: 'member',
    errors: [notFound, notAMember, forbidden],
    input: one,
    output: message,
  }),
  unpin: route({
    method: 'DELETE',
    path: '/messages/{id}/pin',
    tag,
    summary: 'Unpin a message',
    caller: 'member',
    errors: [notFound, notAMember, forbidden],
    input: one,
    output: message,
  }),
  markRead: route({
    method: 'POST',
    path: '/rooms/{id}/read',
    tag,
    summary: 'Mark a room as read',
    description: 'Up to and with the event of this place. The marker never goes back.',
    caller: 'member',
    suspended: 'allowed',
    errors: [notFound, notAMember],
    input: z.strictObject({ id: id(), seq: z.int().min(0).max(Number.MAX_SAFE_INTEGER) }),
    output: z
      .object({ read_seq: z.int(), unread_count: z.int(), mention_count: z.int() })
      .meta({ id: 'ReadMarker' }),
  }),
};

export const messagesContract = { ...history, ...writing, ...marking };

export const conversationsContract = {
  list: route({
    method: 'GET',
    path: '/conversations',
    tag,
    summary: 'List your direct conversations',
    description: 'Newest first; by page, or walked by cursor.',
    caller: 'member',
    input: z.strictObject({ ...feedFields }).prefault({}),
    output: feedOf(ownRoom),
  }),
  open: route({
    method: 'POST',
    path: '/conversations',
    tag,
    summary: 'Open a direct conversation',
    description: 'There is one for each two people: opened again, it is the same.',
    caller: 'member',
    errors: [notFound, messagesRefused],
    input: z.strictObject({ user_id: id() }),
    output: ownRoom,
  }),
};
