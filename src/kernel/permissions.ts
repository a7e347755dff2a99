import { type AccountState, type Role, roles } from './actor.ts';

type Grant = { from: Role; suspended: boolean };

/** Everything that may be permitted: from which role on, and whether suspended accounts keep it. */
const grants = {
  'profile:read': { from: 'user', suspended: true },
  'profile:update': { from: 'user', suspended: false },
  'sessions:manage': { from: 'user', suspended: true },
  'tracks:read': { from: 'user', suspended: true },
  'tracks:upload': { from: 'user', suspended: false },
  'tracks:update': { from: 'user', suspended: false },
  'tracks:remove': { from: 'user', suspended: true },
  'content:moderate': { from: 'moderator', suspended: false },
  'users:suspend': { from: 'moderator', suspended: false },
  'users:manage': { from: 'admin', suspended: false },
  'settings:manage': { from: 'admin', suspended: false },
  'audit:read': { from: 'admin', suspended: false },
} as const satisfies Record<`${string}:${string}`, Grant>;

export type Permission = keyof typeof grants;

export const isPermission = (name: string): name is Permission => Object.hasOwn(grants, name);

const isGranted = ({ from, suspended }: Grant, role: Role, state: AccountState): boolean =>
  roles.indexOf(role) >= roles.indexOf(from) &&
  (state === 'active' || (state === 'suspended' && suspended));

export const permissionsOf = ({ role, state }: { role: Role; state: AccountState }): Permission[] =>
  (Object.keys(grants) as Permission[]).filter((name) => isGranted(grants[name], role, state));
