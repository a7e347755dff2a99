import type { Origin } from '#kernel/actor.ts';
import { userEvents } from '#modules/users/users.events.ts';
import { authEvents } from './auth.events.ts';
import type { Account, AuthStores, Deps, Login } from './auth.ports.ts';
import { isRightPassword } from './password-check.ts';
import { assertStrong } from './password-policy.ts';
import { authErrors, MOST_SESSIONS, type Session } from './session.ts';
import { endSessions } from './session-end.ts';

/** What a caller gets that signed in. */
export type SignedIn<Profile> = Tokens & { user: Profile; device_token: string };

export type Tokens = {
  access_token: string;
  refresh_token: string;
  token_type: 'Bearer';
  expires_in: number;
};

type Opened = { account: Account; session: Session; refresh_token: string };

/** A session on top of those the account has; the oldest go when there are too many. */
export const openSession = async <P>(
  { mint, now, lifetimes }: Deps<P>,
  stores: AuthStores,
  { account, origin, device_id }: { account: Account; origin: Origin; device_id: string },
): Promise<Opened> => {
  const at = now();
  const refresh_token = mint.first();
  const session = await stores.sessions.insertOne(
    {
      user_id: account.id,
      device_id,
      user_agent: origin.user_agent,
      ip_address: origin.ip_address,
      created_at: at.toISOString(),
      last_used_at: at.toISOString(),
      expires_at: new Date(at.getTime() + lifetimes.session_ms).toISOString(),
    },
    mint.digest(refresh_token),
  );
  const { id: user_id } = account;
  const live = await stores.sessions.findManyLive(user_id, at, lifetimes.refresh_ms);
  const only = live.slice(MOST_SESSIONS).map(({ id }) => id);
  if (only.length > 0) await endSessions(stores, { user_id, by: 'too_many', at, only }, origin);
  return { account, session, refresh_token };
};

export const tokensFor = async <P>(
  { access }: Deps<P>,
  {
    account,
    session_id,
    refresh_token,
  }: {
    account: Pick<Account, 'id' | 'username' | 'role'>;
    session_id: number;
    refresh_token: string;
  },
): Promise<Tokens> => ({
  access_token: await access.sign({
    user_id: account.id,
    session_id,
    username: account.username,
    role: account.role,
  }),
  refresh_token,
  token_type: 'Bearer',
  expires_in: access.expires_in_seconds,
});

export const signedIn = async <P>(
  deps: Deps<P>,
  { account, session, refresh_token }: Opened,
): Promise<SignedIn<P>> => ({
  ...(await tokensFor(deps, { account, session_id: session.id, refresh_token })),
  user: await deps.profileOf(account.id),
  device_token: deps.mint.deviceToken(account.id, session.device_id),
});

type Registration = { username: string; email: string; password: string };

export const register =
  <P>(deps: Deps<P>) =>
  async (input: Registration, origin: Origin): Promise<SignedIn<P>> => {
    await assertStrong(input, deps.common, 'password');
    const { username, email } = input;
    await deps.texts.vet([{ field: 'username', scope: 'name', text: username }], {
      author_id: null,
      subject: { kind: 'user', id: null },
    });
    const password_hash = await deps.passwords.hash(input.password);
    const opened = await deps.inTransaction(async (stores) => {
      const account = await stores.accounts.insertOne({ username, email, password_hash });
      const device_id = deps.mint.newDeviceId();
      const opened = await openSession(deps, stores, { account, origin, device_id });
      const details = { session_id: opened.session.id };
      const event = {
        event_type: 'user_registered',
        user_id: account.id,
        origin,
        success: true,
        details,
      } as const;
      await stores.audit.record(event);
      const { id: user_id } = account;
      await stores.facts.record(userEvents.registered(user_id, { user_id, username }, origin));
      return opened;
    });
    return signedIn(deps, opened);
  };

type Credentials = {
  email?: string | undefined;
  username?: string | undefined;
  password: string;
  device_token?: string | undefined;
};

const loginOf = ({ email, username = '' }: Credentials): Login =>
  email === undefined ? { username } : { email };

/** A known device has a counter of its own, which strangers cannot fill. */
const counterOf = (
  { email, username = '' }: Credentials,
  account: Account | undefined,
  device: string | undefined,
): string => {
  if (account && device) return `device:${account.id}:${device}`;
  return account
    ? `account:${account.id}`
    : `unknown:${(email ?? username).toLowerCase()}`.slice(0, 100);
};

/**
 * Unknown account, wrong password and slowed-down account take the same steps and answer alike; that an
 * account is banned is told only to who knows its password.
 */
const authenticate = async <P>(deps: Deps<P>, credentials: Credentials, origin: Origin) => {
  const { accounts, mint, refusals } = deps;
  const found = await accounts.findOneByLogin(loginOf(credentials));
  const account = found?.state === 'deleted' ? undefined : found;
  const { device_token, password } = credentials;
  const device_id = account && device_token ? mint.deviceIdIn(device_token, account.id) : undefined;
  const counter = counterOf(credentials, account, device_id);
  const isRight = await isRightPassword(deps, { counter, password, hash: account?.password_hash });
  if (account && isRight && account.state !== 'banned') return { account, device_id };
  refusals.note({
    event_type: 'user_login_failed',
    user_id: account?.id ?? null,
    origin,
    details: { method: 'password' },
  });
  throw isRight ? authErrors.banned() : authErrors.invalidCredentials();
};

const rehash = async <P>(
  { passwords }: Deps<P>,
  account: Account,
  password: string,
): Promise<string | undefined> =>
  passwords.isOutdated(account.password_hash) ? passwords.hash(password) : undefined;

/** While the password was looked at it may have been changed, or only hashed anew by another sign-in. */
const isStill = async <P>(
  { passwords }: Deps<P>,
  password: string,
  { locked, account }: { locked: Account; account: Account },
): Promise<boolean> =>
  locked.password_hash === account.password_hash ||
  passwords.matches(password, locked.password_hash);

export const login =
  <P>(deps: Deps<P>) =>
  async (credentials: Credentials, origin: Origin): Promise<SignedIn<P>> => {
    const { account, device_id = deps.mint.newDeviceId() } = await authenticate(
      deps,
      credentials,
      origin,
    );
    const password_hash = await rehash(deps, account, credentials.password);
    const opened = await deps.inTransaction(async (stores) => {
      const locked = await stores.accounts.lockOneById(account.id);
      if (!locked || !(await isStill(deps, credentials.password, { locked, account })))
        throw authErrors.invalidCredentials();
      if (password_hash) await stores.accounts.updatePasswordHash(account.id, password_hash);
      const opened = await openSession(deps, stores, { account: locked, origin, device_id });
      const details = { method: 'password', session_id: opened.session.id };
      await stores.audit.record({
        event_type: 'user_login',
        user_id: account.id,
        origin,
        success: true,
        details,
      });
      const { user_id, id: session_id } = opened.session;
      await stores.facts.record(authEvents.loggedIn(user_id, { user_id, session_id }, origin));
      return opened;
    });
    return signedIn(deps, opened);
  };
