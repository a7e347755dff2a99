import { describe, expect, it } from 'vitest';
import { accountStates, hasRole, type Member, roles, userIdOf } from '#kernel/actor.ts';
import { permissionsOf } from '#kernel/permissions.ts';

const ofUser = [
  'profile:read',
  'profile:update',
  'sessions:manage',
  'tracks:read',
  'tracks:upload',
  'tracks:update',
  'tracks:remove',
];
const ofModerator = [...ofUser, 'content:moderate', 'users:suspend'];
const ofAdmin = [...ofModerator, 'users:manage', 'settings:manage', 'audit:read'];
const whileSuspended = ['profile:read', 'sessions:manage', 'tracks:read', 'tracks:remove'];

describe('permissions', () => {
  it.each([
    ['user', ofUser],
    ['moderator', ofModerator],
    ['admin', ofAdmin],
  ] as const)('of an active %s', (role, expected) => {
    expect(permissionsOf({ role, state: 'active' }).sort()).toEqual([...expected].sort());
  });

  it.each(roles)('of a suspended %s are those to read and to take back', (role) => {
    expect(permissionsOf({ role, state: 'suspended' }).sort()).toEqual([...whileSuspended].sort());
  });

  it.each(roles)('of a banned or deleted %s are none', (role) => {
    expect(permissionsOf({ role, state: 'banned' })).toEqual([]);
    expect(permissionsOf({ role, state: 'deleted' })).toEqual([]);
  });

  it('grow with the role, in every state', () => {
    for (const state of accountStates) {
      const [user, moderator, admin] = roles.map((role) => permissionsOf({ role, state }));
      expect(moderator).toEqual(expect.arrayContaining(user ?? []));
      expect(admin).toEqual(expect.arrayContaining(moderator ?? []));
    }
  });
});

describe('a role', () => {
  const member = (role: Member['role']): Member => ({
    type: 'member',
    user_id: 7,
    username: 'ana',
    role,
    state: 'active',
    session_id: 1,
  });

  it('holds those below it', () => {
    for (const [at, role] of roles.entries())
      for (const [below, wanted] of roles.entries())
        expect(hasRole(member(role), wanted)).toBe(at >= below);
  });

  it('is nothing that strangers have', () => {
    for (const role of roles) expect(hasRole({ type: 'stranger' }, role)).toBe(false);
    expect([userIdOf({ type: 'stranger' }), userIdOf(member('user'))]).toEqual([0, 7]);
  });
});
