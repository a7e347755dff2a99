import { z } from 'zod';
import { id, timestamp } from '#kernel/fields.ts';
import { feedFields, feedOf } from '#kernel/page.ts';
import { route } from '#kernel/route.ts';
import { defaultPreferences, languages, messageSources, themes } from './preferences.ts';
import { userErrors } from './user.ts';

const tag = 'users';

const preferences = z
  .object({
    theme: z.enum(themes),
    language: z.enum(languages),
    notifications: z.object({ in_app: z.boolean(), email: z.boolean() }),
    privacy: z.object({
      show_activity: z.boolean(),
      allow_dm: z.enum(messageSources).describe('Who may write to you directly'),
      send_read_receipts: z.boolean(),
      send_typing: z.boolean(),
    }),
  })
  .meta({ id: 'Preferences' });

const changes = z.strictObject({
  theme: z.enum(themes).optional(),
  language: z.enum(languages).optional(),
  notifications: z
    .strictObject({ in_app: z.boolean().optional(), email: z.boolean().optional() })
    .optional(),
  privacy: z
    .strictObject({
      show_activity: z.boolean().optional(),
      allow_dm: z.enum(messageSources).optional(),
      send_read_receipts: z.boolean().optional(),
      send_typing: z.boolean().optional(),
    })
    .optional(),
});

const blocked = z
  .object({ id: id(), username: z.string(), blocked_at: timestamp() })
  .meta({ id: 'BlockedUser' });

const one = z.strictObject({ id: id() });
const state = z.object({ id: id(), blocked: z.boolean() }).meta({ id: 'BlockState' });

/** How an account stands to others, and what it wants of the service. */
export const relationsContract = {
  preferences: route({
    method: 'GET',
    path: '/users/me/preferences',
    tag,
    summary: 'Read your preferences',
    caller: 'member',
    example: { output: defaultPreferences },
    input: z.strictObject({}).prefault({}),
    output: preferences,
  }),
  updatePreferences: route({
    method: 'PUT',
    path: '/users/me/preferences',
    tag,
    summary: 'Change your preferences',
    description: 'Whatever is absent stays as it is, in each group, too.',
    caller: 'member',
    example: { input: { privacy: { allow_dm: 'nobody' } }, output: defaultPreferences },
    input: changes,
    output: preferences,
  }),
  blocks: route({
    method: 'GET',
    path: '/users/me/blocks',
    tag,
    summary: 'List whom you have blocked',
    caller: 'member',
    input: z.strictObject({ ...feedFields }).prefault({}),
    output: feedOf(blocked),
  }),
  block: route({
    method: 'PUT',
    path: '/users/{id}/block',
    tag,
    summary: 'Block a user',
    description: 'Their messages to you and mentions of you are refused. Blocking twice is once.',
    caller: 'member',
    errors: [userErrors.notFound],
    input: one,
    output: state,
  }),
  unblock: route({
    method: 'DELETE',
    path: '/users/{id}/block',
    tag,
    summary: 'Unblock a user',
    caller: 'member',
    errors: [userErrors.notFound],
    input: one,
    output: state,
  }),
};
