import type { Member } from '#kernel/actor.ts';
import { type Permission, permissionsOf } from '#kernel/permissions.ts';
import { moderationErrors } from './rule.ts';

const assertMay = (actor: Member, permission: Permission): void => {
  if (!permissionsOf(actor).includes(permission)) throw moderationErrors.forbidden();
};

/** Reading rules, and deciding about what they hold. */
export const assertMayModerate = (actor: Member): void => assertMay(actor, 'content:moderate');

/** What the rules are holds for everyone: administrators alone change them. */
export const assertMayChangeRules = (actor: Member): void => assertMay(actor, 'settings:manage');
