import type { Asker, Member } from '#kernel/actor.ts';
import { invalidFields, sharedErrors } from '#kernel/errors.ts';
import { isPermission, type Permission, permissionsOf } from '#kernel/permissions.ts';
import type { Deps } from './auth.ports.ts';

/** `user_id` 0 is the asker itself, `resource_id` 0 the permission in general. */
export type Question = { user_id: number; resource: string; action: string; resource_id: number };

export type Permitted = { allowed: boolean; permissions: Permission[] };

/** Whom the question is about: users ask for themselves, services for anyone. */
const subjectOf = async (
  { accountOf }: Pick<Deps<unknown>, 'accountOf'>,
  { actor, service }: Asker,
  user_id: number,
): Promise<Member> => {
  if (actor.type === 'member' && (user_id === 0 || user_id === actor.user_id)) return actor;
  if (service === undefined) throw sharedErrors.forbidden();
  if (user_id === 0) throw invalidFields([{ field: 'user_id', message: 'Name an account' }]);
  const { username, role, state } = await accountOf(user_id);
  return { type: 'member', user_id, username, role, state, session_id: 0 };
};

const permissionIn = ({ resource, action }: Question): Permission => {
  const name = `${resource}:${action}`;
  if (!isPermission(name))
    throw invalidFields([{ field: 'action', message: 'There is no such permission' }]);
  return name;
};

/** By the one table, and for a single resource by its own rules as well. */
export const checkPermissions =
  <P>(deps: Pick<Deps<P>, 'rights' | 'accountOf'>) =>
  async (asker: Asker, question: Question): Promise<Permitted> => {
    const permission = permissionIn(question);
    const rules = deps.rights[question.resource];
    const { resource_id, action } = question;
    if (resource_id !== 0 && !rules)
      throw invalidFields([{ field: 'resource_id', message: 'This kind has no single resources' }]);
    const subject = await subjectOf(deps, asker, question.user_id);
    const permissions = permissionsOf(subject);
    const isPermitted = permissions.includes(permission);
    if (resource_id === 0 || !isPermitted || !rules) return { allowed: isPermitted, permissions };
    return { allowed: await rules.allows(subject, action, resource_id), permissions };
  };
