import { z } from 'zod';
import { accountStates, roles } from '#kernel/actor.ts';
import { sharedErrors } from '#kernel/errors.ts';
import { id, label, text, timestamp } from '#kernel/fields.ts';
import { feedFields, feedOf } from '#kernel/page.ts';
import { route } from '#kernel/route.ts';
import { contentRefusals } from '#modules/moderation/moderation.contract.ts';
import { userErrors } from './user.ts';
import { relationsContract } from './users.relations.contract.ts';

export const username = z
  .string()
  .min(3)
  .max(50)
  .regex(/^[A-Za-z0-9]*$/, 'Only letters A to Z and digits')
  .describe('Unique without regard to case');

const links = z
  .array(
    z.strictObject({
      label: label(1, 50),
      url: z
        .url({ protocol: /^https?$/, error: 'Must be an http or https address' })
        .max(500)
        .refine((url) => /^\P{C}*$/u.test(url), 'Must not contain control characters'),
    }),
  )
  .max(10);

export const profile = z
  .object({
    id: id(),
    username: z.string(),
    display_name: z.string().nullable(),
    bio: z.string().nullable(),
    links: z.array(z.object({ label: z.string(), url: z.string() })),
    counts: z.object({ tracks: z.int().describe('Public tracks that are ready') }),
    version: z.int().describe('Of the entity tag; counts do not change it'),
    created_at: timestamp(),
  })
  .meta({ id: 'Profile' });

export const ownProfile = profile
  .extend({
    email: z.string(),
    role: z.enum(roles),
    state: z.enum(accountStates),
    storage_used_bytes: z.int(),
    updated_at: timestamp(),
  })
  .meta({ id: 'OwnProfile' });

export type OwnProfile = z.output<typeof ownProfile>;

/** Why an account may not be made, for the contract of whoever makes one. */
export const registrationRefusals = [
  userErrors.emailTaken,
  userErrors.usernameTaken,
  ...contentRefusals,
];

const byId = z.strictObject({ id: id() });
const tag = 'users';
const version = (output: { version: number }) => output.version;

export const usersContract = {
  ...relationsContract,
  list: route({
    method: 'GET',
    path: '/users',
    tag,
    summary: 'List users',
    description:
      'Newest first; by page, or walked by cursor. `q` finds by the beginning of a name.',
    caller: 'anyone',
    input: z.strictObject({ ...feedFields, q: label(1, 50).optional() }).prefault({}),
    output: feedOf(profile),
  }),
  me: route({
    method: 'GET',
    path: '/users/me',
    tag,
    summary: 'Read your own profile',
    caller: 'member',
    version,
    input: z.strictObject({}).prefault({}),
    output: ownProfile,
  }),
  updateMe: route({
    method: 'PUT',
    path: '/users/me',
    tag,
    summary: 'Change your own profile',
    description:
      'Fields that are absent stay as they are; null clears. Insults in `bio` are answered and kept as stars.',
    caller: 'member',
    version,
    errors: [sharedErrors.preconditionFailed, ...contentRefusals],
    example: { input: { display_name: 'Ana Ruiz', bio: 'Beats from Lyon.' } },
    input: z.strictObject({
      display_name: label(1, 80).nullable().optional(),
      bio: text(0, 2000).nullable().optional(),
      links: links.nullable().optional(),
    }),
    output: ownProfile,
  }),
  byId: route({
    method: 'GET',
    path: '/users/{id}',
    tag,
    summary: 'Read a public profile',
    caller: 'anyone',
    version,
    errors: [sharedErrors.notFound],
    input: byId,
    output: profile,
  }),
};
