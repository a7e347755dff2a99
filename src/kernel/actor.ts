/** From the least to the most powerful. */
export const roles = ['user', 'moderator', 'admin'] as const;
export type Role = (typeof roles)[number];

export const accountStates = ['active', 'suspended', 'banned', 'deleted'] as const;
export type AccountState = (typeof accountStates)[number];

/** A signed-in caller, as it is now: role and state are never read from the token. */
export type Member = {
  readonly type: 'member';
  readonly user_id: number;
  readonly username: string;
  readonly role: Role;
  readonly state: AccountState;
  readonly session_id: number;
};

export type Stranger = { readonly type: 'stranger' };

export type Actor = Member | Stranger;

/** Who asks over the door for services: somebody with a token, a service, or a service for somebody. */
export type Asker = { readonly actor: Actor; readonly service: string | undefined };

/** Where a request came from: kept in sessions and audit records. */
export type Origin = {
  readonly ip_address: string;
  readonly user_agent: string;
  readonly request_id: string;
};

export const hasRole = (actor: Actor, role: Role): boolean =>
  actor.type === 'member' && roles.indexOf(actor.role) >= roles.indexOf(role);

/** The caller's user id, or 0 for a stranger: ids begin at 1. */
export const userIdOf = (actor: Actor): number => (actor.type === 'member' ? actor.user_id : 0);
