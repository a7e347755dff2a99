import type { Member, Origin, Role } from '#kernel/actor.ts';
import type { TestApp } from '#test/app.ts';
import { createUser, type TestUser } from '#test/factories.ts';

export const origin: Origin = {
  ip_address: '127.0.0.1',
  user_agent: 'test',
  request_id: 'moderation',
};

export const memberOf = ({ id, username }: TestUser, role: Role = 'user'): Member => ({
  type: 'member',
  user_id: id,
  username,
  role,
  state: 'active',
  session_id: 1,
});

/** A signed-in caller with a role, as the doors hand it to a verb. */
export const createMember = async (app: TestApp, role: Role = 'user'): Promise<Member> =>
  memberOf(await createUser(app, { role }), role);
