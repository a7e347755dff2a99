import type { RefusalAudit } from '#modules/audit/audit.events.ts';
import type {
  AccessTokens,
  Accounts,
  CommonPasswords,
  InTransaction,
  LoginAttempts,
  MemberStore,
  Passwords,
  SessionStore,
  TokenMint,
} from './auth.ports.ts';
import { changePassword } from './password-change.ts';
import { listSessions, logout, logoutAll, me, refresh, revokeSession } from './sessions.service.ts';
import { login, register } from './sign-in.ts';
import type { TakeTurn } from './turns.ts';

/** `P` is the profile that the neighbour shows an account of itself. */
export type Deps<P> = {
  accounts: Pick<Accounts, 'findOneByLogin'>;
  sessions: Pick<SessionStore, 'findManyLive'>;
  members: MemberStore;
  attempts: LoginAttempts;
  takeTurn: TakeTurn;
  inTransaction: InTransaction;
  profileOf: (user_id: number) => Promise<P>;
  passwords: Passwords;
  common: CommonPasswords;
  access: AccessTokens;
  mint: TokenMint;
  refusals: RefusalAudit;
  /** Drops what this process remembers, so that its next call sees the change. */
  forget: (ended: { user_id: number } | { session_ids: readonly number[] }) => void;
  lifetimes: { session_ms: number; refresh_ms: number };
  /** Whether a refresh uses its token up. */
  rotates: boolean;
  now: () => Date;
};

export type AuthService<P> = ReturnType<typeof createAuthService<P>>;

export const createAuthService = <P>(deps: Deps<P>) => ({
  register: register(deps),
  login: login(deps),
  refresh: refresh(deps),
  logout: logout(deps),
  logoutAll: logoutAll(deps),
  me: me(deps),
  sessions: listSessions(deps),
  revokeSession: revokeSession(deps),
  changePassword: changePassword(deps),
});
