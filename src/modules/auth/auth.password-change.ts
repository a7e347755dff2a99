import type { Member, Origin } from '#kernel/actor.ts';
import { authEvents } from './auth.events.ts';
import type { Account, Deps } from './auth.ports.ts';
import { isRightPassword } from './password-check.ts';
import { assertStrong } from './password-policy.ts';
import { authErrors } from './session.ts';
import { endSessions } from './session-end.ts';
import { openSession, type SignedIn, signedIn } from './auth.sign-in.ts';

type Claim = { actor: Member; password: string; origin: Origin };

/** Counted by session: strangers who guess at the door do not slow the owner down inside. */
const reauthenticate = async <P>(
  deps: Deps<P>,
  { actor, password, origin }: Claim,
): Promise<Account> => {
  const account = await deps.accounts.findOneByLogin({ username: actor.username });
  const counter = `session:${actor.session_id}`;
  const hash = account?.password_hash;
  if (account && (await isRightPassword(deps, { counter, password, hash }))) return account;
  deps.refusals.note({ event_type: 'password_changed', user_id: actor.user_id, origin });
  throw authErrors.invalidCredentials();
};

type PasswordChange = { current_password: string; new_password: string };

/** Every session ends with the old password; the caller goes on in a new one. */
export const changePassword =
  <P>(deps: Deps<P>) =>
  async (actor: Member, input: PasswordChange, origin: Origin): Promise<SignedIn<P>> => {
    const account = await reauthenticate(deps, { actor, password: input.current_password, origin });
    await assertStrong({ ...account, password: input.new_password }, deps.common, 'new_password');
    const password_hash = await deps.passwords.hash(input.new_password);
    const opened = await deps.inTransaction(async (stores) => {
      const locked = await stores.accounts.lockOneById(account.id);
      if (locked?.password_hash !== account.password_hash) throw authErrors.invalidCredentials();
      await stores.accounts.updatePasswordHash(account.id, password_hash);
      const { id: user_id } = account;
      const which = { user_id, by: 'password_change', at: deps.now(), except: undefined } as const;
      await endSessions(stores, which, origin);
      await stores.facts.record(authEvents.passwordChanged(user_id, { user_id }, origin));
      const device_id = deps.mint.newDeviceId();
      const opened = await openSession(deps, stores, { account: locked, origin, device_id });
      await stores.audit.record({
        event_type: 'password_changed',
        user_id: account.id,
        origin,
        success: true,
      });
      return opened;
    });
    deps.forget({ user_id: account.id });
    return signedIn(deps, opened);
  };
