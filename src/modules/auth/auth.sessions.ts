import type { Member, Origin } from '#kernel/actor.ts';
import { type Permission, permissionsOf } from '#kernel/permissions.ts';
import type { AuthStores, Deps } from './auth.ports.ts';
import { authErrors, type FoundToken, isExpired, isInGrace, type Session } from './session.ts';
import { type Tokens, tokensFor } from './auth.sign-in.ts';
import { endSessions } from './session-end.ts';

export type ShownSession = Session & { current: boolean };

export const listSessions =
  <P>({ sessions, now, lifetimes }: Deps<P>) =>
  async (actor: Member): Promise<ShownSession[]> => {
    const live = await sessions.findManyLive(actor.user_id, now(), lifetimes.refresh_ms);
    return live.map((session) => ({ ...session, current: session.id === actor.session_id }));
  };

export type Me<P> = { user: P; session: ShownSession; permissions: Permission[] };

export const me =
  <P>(deps: Deps<P>) =>
  async (actor: Member): Promise<Me<P>> => {
    const [user, shown] = await Promise.all([
      deps.profileOf(actor.user_id),
      listSessions(deps)(actor),
    ]);
    const session = shown.find(({ current }) => current);
    if (!session) throw authErrors.unauthenticated();
    return { user, session, permissions: permissionsOf(actor) };
  };

type Ended = { ended_sessions: number };

export const logout =
  <P>(deps: Deps<P>) =>
  async (actor: Member, origin: Origin, reason = ''): Promise<Ended> => {
    const only = [actor.session_id];
    const ended_sessions = await deps.inTransaction(async (stores) => {
      const which = { user_id: actor.user_id, by: 'logout', at: deps.now(), only } as const;
      const ended = await endSessions(stores, which, origin);
      const details = { session_id: actor.session_id, ...(reason && { reason }) };
      // Of two that come at once, one ends the session.
      if (ended > 0)
        await stores.audit.record({
          event_type: 'user_logout',
          user_id: actor.user_id,
          origin,
          success: true,
          details,
        });
      return ended;
    });
    deps.forget({ session_ids: only });
    return { ended_sessions };
  };

export const logoutAll =
  <P>(deps: Deps<P>) =>
  async (actor: Member, origin: Origin): Promise<Ended> => {
    const ended_sessions = await deps.inTransaction(async (stores) => {
      const { user_id } = actor;
      const which = { user_id, by: 'logout', at: deps.now(), except: undefined } as const;
      const ended = await endSessions(stores, which, origin);
      if (ended > 0)
        await stores.audit.record({
          event_type: 'user_logout',
          user_id: actor.user_id,
          origin,
          success: true,
          details: { sessions: ended },
        });
      return ended;
    });
    deps.forget({ user_id: actor.user_id });
    return { ended_sessions };
  };

export const revokeSession =
  <P>(deps: Deps<P>) =>
  async (actor: Member, session_id: number, origin: Origin): Promise<Ended> => {
    const only = [session_id];
    const ended_sessions = await deps.inTransaction(async (stores) => {
      const which = { user_id: actor.user_id, by: 'revoked', at: deps.now(), only } as const;
      const ended = await endSessions(stores, which, origin);
      if (ended === 0) throw authErrors.notFound();
      await stores.audit.record({
        event_type: 'session_revoked',
        user_id: actor.user_id,
        origin,
        success: true,
        details: { session_id },
      });
      return ended;
    });
    deps.forget({ session_ids: only });
    return { ended_sessions };
  };

type Outcome =
  | { refused: 'unknown' | 'expired' | 'reused'; session_id: number }
  | { session_id: number; user_id: number; refresh_token: string };

/** The successor that is live, when there is one: the token is its predecessor, and only that may ask again. */
const liveSuccessor = async <P>(
  { mint }: Deps<P>,
  { sessions }: AuthStores,
  token: string,
): Promise<string | undefined> => {
  for (const successor of mint.successors(token))
    if (await sessions.isLive(mint.digest(successor))) return successor;
  return undefined;
};

const rotate = async <P>(
  deps: Deps<P>,
  { sessions }: AuthStores,
  token: string,
): Promise<string> => {
  const [successor = ''] = deps.mint.successors(token);
  await sessions.rotate(deps.mint.digest(token), deps.mint.digest(successor), deps.now());
  return successor;
};

const endFamily = async <P>(
  deps: Deps<P>,
  stores: AuthStores,
  { session, origin }: { session: Session; origin: Origin },
): Promise<void> => {
  const { id, user_id } = session;
  const which = { user_id, by: 'token_reused', at: deps.now(), only: [id] } as const;
  await endSessions(stores, which, origin);
  await stores.audit.record({
    event_type: 'token_reused',
    user_id,
    origin,
    success: false,
    details: { session_id: id },
  });
};

/** Decides with the session locked. A re-use is answered as an outcome, since its consequences are committed. */
const exchange = async <P>(
  deps: Deps<P>,
  stores: AuthStores,
  call: { token: string; origin: Origin },
): Promise<Outcome> => {
  const found: FoundToken | undefined = await stores.sessions.lockToken(
    deps.mint.digest(call.token),
  );
  if (!found || found.session.ended_at) return { refused: 'unknown', session_id: 0 };
  const { session } = found;
  const { id: session_id, user_id } = session;
  if (isExpired(session, deps.now(), deps.lifetimes.refresh_ms))
    return { refused: 'expired', session_id };
  if (found.used_at === null) {
    const refresh_token = deps.rotates ? await rotate(deps, stores, call.token) : call.token;
    await stores.sessions.touchOne(session_id, deps.now());
    return { session_id, user_id, refresh_token };
  }
  const successor = isInGrace(found, deps.now())
    ? await liveSuccessor(deps, stores, call.token)
    : undefined;
  if (successor) return { session_id, user_id, refresh_token: successor };
  await endFamily(deps, stores, { session, origin: call.origin });
  return { refused: 'reused', session_id };
};

const refusals = {
  unknown: authErrors.unauthenticated,
  expired: authErrors.tokenExpired,
  reused: authErrors.tokenReused,
};

export const refresh =
  <P>(deps: Deps<P>) =>
  async (token: string, origin: Origin): Promise<Tokens> => {
    const outcome = await deps.inTransaction((stores) => exchange(deps, stores, { token, origin }));
    if ('refused' in outcome) {
      if (outcome.refused === 'reused') deps.forget({ session_ids: [outcome.session_id] });
      throw refusals[outcome.refused]();
    }
    const { session_id, refresh_token } = outcome;
    const account = await deps.members.findMember(session_id);
    if (!account) throw authErrors.unauthenticated();
    return tokensFor(deps, {
      account: { ...account, id: account.user_id },
      session_id,
      refresh_token,
    });
  };
