import { z } from 'zod';
import { sharedErrors } from '#kernel/errors.ts';
import { id, label, text, timestamp } from '#kernel/fields.ts';
import { feedFields, feedOf } from '#kernel/page.ts';
import { route } from '#kernel/route.ts';
import { roomErrors, roomKinds, roomRoles } from './room.ts';

const tag = 'rooms';

export const room = z
  .object({
    id: id(),
    kind: z.enum(roomKinds),
    name: z.string().nullable().describe('Null in direct conversations'),
    description: z.string().nullable(),
    slow_mode_seconds: z.int().describe('Between two messages of a member; 0 is off'),
    member_count: z.int(),
    last_seq: z.int().describe('Of the newest event'),
    created_by: id(),
    version: z.int().describe('Of the entity tag; counts do not change it'),
    last_message_at: timestamp().nullable(),
    created_at: timestamp(),
    updated_at: timestamp(),
  })
  .meta({ id: 'Room' });

const membership = z.object({
  role: z.enum(roomRoles),
  muted_until: timestamp().nullable(),
  read_seq: z.int().describe('Everything up to and with this event has been read'),
  joined_at: timestamp(),
});

export const ownRoom = room
  .extend({
    membership,
    unread_count: z.int().describe('Messages of others behind the read marker'),
    mention_count: z.int().describe('Those among them that name you'),
    peer: z
      .object({ user_id: id(), username: z.string() })
      .nullable()
      .describe('The other one of a direct conversation'),
  })
  .meta({ id: 'OwnRoom' });

export const roomMember = z
  .object({
    user_id: id(),
    username: z.string(),
    role: z.enum(roomRoles),
    muted_until: timestamp().nullable(),
    joined_at: timestamp(),
  })
  .meta({ id: 'RoomMember' });

const invite = z
  .object({
    code: z.string(),
    room_id: id(),
    created_by: id(),
    expires_at: timestamp().nullable(),
    max_uses: z.int().nullable(),
    uses: z.int(),
    created_at: timestamp(),
  })
  .meta({ id: 'RoomInvite' });

const details = {
  description: text(0, 1000).nullable().optional(),
  slow_mode_seconds: z.int().min(0).max(21_600).optional(),
};
const one = z.strictObject({ id: id() });
const oneMember = z.strictObject({ id: id(), user_id: id() });
const code = z.string().min(1).max(64);
const done = z.object({ id: id() });
const version = (output: { version: number }) => output.version;
const { notFound, forbidden, notAMember, banned, lastOwner, direct } = roomErrors;

const reading = {
  list: route({
    method: 'GET',
    path: '/rooms',
    tag,
    summary: 'List public rooms',
    description: 'Newest first; by page, or walked by cursor.',
    caller: 'anyone',
    input: z
      .strictObject({ ...feedFields, q: label(1, 100).optional().describe('In the name') })
      .prefault({}),
    output: feedOf(room),
  }),
  mine: route({
    method: 'GET',
    path: '/rooms/mine',
    tag,
    summary: 'List the rooms you are in',
    caller: 'member',
    input: z.strictObject({ ...feedFields }).prefault({}),
    output: feedOf(ownRoom),
  }),
  byId: route({
    method: 'GET',
    path: '/rooms/{id}',
    tag,
    summary: 'Read a room',
    caller: 'anyone',
    version,
    errors: [notFound],
    input: one,
    output: room,
  }),
  members: route({
    method: 'GET',
    path: '/rooms/{id}/members',
    tag,
    summary: 'List the members of a room',
    caller: 'member',
    errors: [notFound, notAMember],
    input: z.strictObject({ ...feedFields, id: id() }),
    output: feedOf(roomMember),
  }),
};

const keeping = {
  create: route({
    method: 'POST',
    path: '/rooms',
    tag,
    summary: 'Open a room',
    description:
      'Whoever opens it is its owner. Direct conversations are opened by /conversations.',
    caller: 'member',
    status: 201,
    message: 'Room opened',
    location: (output: { id: number }) => `/rooms/${output.id}`,
    version,
    example: { input: { name: 'Field recordings', kind: 'public' } },
    input: z.strictObject({
      name: label(1, 100),
      kind: z.enum(['public', 'private']).default('public'),
      ...details,
    }),
    output: room,
  }),
  update: route({
    method: 'PUT',
    path: '/rooms/{id}',
    tag,
    summary: 'Change a room',
    description: 'Fields that are absent stay as they are; null clears.',
    caller: 'member',
    version,
    errors: [notFound, notAMember, forbidden, direct, sharedErrors.preconditionFailed],
    input: z.strictObject({ id: id(), name: label(1, 100).optional(), ...details }),
    output: room,
  }),
  remove: route({
    method: 'DELETE',
    path: '/rooms/{id}',
    tag,
    summary: 'Close a room',
    caller: 'member',
    errors: [notFound, notAMember, forbidden, direct, sharedErrors.preconditionFailed],
    input: one,
    output: done.meta({ id: 'ClosedRoom' }),
  }),
};

const belonging = {
  join: route({
    method: 'POST',
    path: '/rooms/{id}/join',
    tag,
    summary: 'Join a public room',
    description: 'Joining twice changes nothing.',
    caller: 'member',
    errors: [notFound, banned],
    input: one,
    output: ownRoom,
  }),
  leave: route({
    method: 'POST',
    path: '/rooms/{id}/leave',
    tag,
    summary: 'Leave a room',
    caller: 'member',
    suspended: 'allowed',
    errors: [notFound, notAMember, lastOwner, direct],
    input: one,
    output: done.meta({ id: 'LeftRoom' }),
  }),
  updateMember: route({
    method: 'PUT',
    path: '/rooms/{id}/members/{user_id}',
    tag,
    summary: 'Change the standing of a member',
    description:
      'Owners give roles; moderators mute and ban those below them. A ban outlives leaving and lasts until it is lifted.',
    caller: 'member',
    errors: [notFound, notAMember, forbidden, lastOwner, direct],
    input: z.strictObject({
      ...oneMember.shape,
      role: z.enum(roomRoles).optional(),
      muted_until: timestamp().nullable().optional().describe('Null lets them speak again'),
      banned: z.boolean().optional(),
    }),
    output: roomMember,
  }),
  removeMember: route({
    method: 'DELETE',
    path: '/rooms/{id}/members/{user_id}',
    tag,
    summary: 'Remove a member from a room',
    caller: 'member',
    errors: [notFound, notAMember, forbidden, direct],
    input: oneMember,
    output: z.object({ id: id(), user_id: id() }).meta({ id: 'RemovedMember' }),
  }),
};

const inviting = {
  invites: route({
    method: 'GET',
    path: '/rooms/{id}/invites',
    tag,
    summary: 'List the open invites of a room',
    caller: 'member',
    errors: [notFound, notAMember, forbidden],
    input: one,
    output: z.object({ invites: z.array(invite) }).meta({ id: 'RoomInvites' }),
  }),
  createInvite: route({
    method: 'POST',
    path: '/rooms/{id}/invites',
    tag,
    summary: 'Invite to a room',
    caller: 'member',
    status: 201,
    secret: true,
    errors: [notFound, notAMember, forbidden, direct],
    input: z.strictObject({
      id: id(),
      expires_in_seconds: z.int().min(60).max(2_592_000).nullable().default(604_800),
      max_uses: z.int().min(1).max(10_000).nullable().default(null),
    }),
    output: invite,
  }),
  revokeInvite: route({
    method: 'DELETE',
    path: '/rooms/{id}/invites/{code}',
    tag,
    summary: 'Take an invite back',
    caller: 'member',
    errors: [notFound, notAMember, forbidden],
    input: z.strictObject({ id: id(), code }),
    output: z.object({ code: z.string() }).meta({ id: 'RevokedInvite' }),
  }),
  acceptInvite: route({
    method: 'POST',
    path: '/rooms/invites/{code}/accept',
    tag,
    summary: 'Join a room by an invite',
    description: 'Those who are in already use none of its places up.',
    caller: 'member',
    errors: [notFound, banned],
    input: z.strictObject({ code }),
    output: ownRoom,
  }),
};

export const roomsContract = { ...reading, ...keeping, ...belonging, ...inviting };
