import type { Deps } from './auth.ports.ts';
import { changePassword } from './auth.password-change.ts';
import { listSessions, logout, logoutAll, me, refresh, revokeSession } from './auth.sessions.ts';
import { checkPermissions } from './auth.permissions.ts';
import { login, register } from './auth.sign-in.ts';

export type AuthService<P> = ReturnType<typeof createAuthService<P>>;

export const createAuthService = <P>(deps: Deps<P>) => ({
  register: register(deps),
  login: login(deps),
  refresh: refresh(deps),
  logout: logout(deps),
  logoutAll: logoutAll(deps),
  me: me(deps),
  checkPermissions: checkPermissions(deps),
  sessions: listSessions(deps),
  revokeSession: revokeSession(deps),
  changePassword: changePassword(deps),
});
