import { anyone, member, router } from '#api/trpc.ts';
import type { OwnProfile } from '#modules/users/users.contract.ts';
import { authContract as c, passwordContract } from './auth.contract.ts';
import type { AuthService } from './auth.service.ts';
import type { ShownSession } from './auth.sessions.ts';

const present = ({
  id,
  user_agent,
  ip_address,
  created_at,
  last_used_at,
  expires_at,
  current,
}: ShownSession) => ({
  id,
  device: user_agent,
  ip_address,
  created_at,
  last_used_at,
  expires_at,
  current,
});

export const createAuthRouter = (auth: AuthService<OwnProfile>) =>
  router({
    register: anyone(c.register).mutation(({ ctx, input }) => auth.register(input, ctx.origin)),
    login: anyone(c.login).mutation(({ ctx, input }) => auth.login(input, ctx.origin)),
    refresh: anyone(c.refresh).mutation(({ ctx, input }) =>
      auth.refresh(input.refresh_token, ctx.origin),
    ),
    logout: member(c.logout).mutation(({ ctx }) => auth.logout(ctx.actor, ctx.origin)),
    logoutAll: member(c.logoutAll).mutation(({ ctx }) => auth.logoutAll(ctx.actor, ctx.origin)),
    me: member(c.me).query(async ({ ctx }) => {
      const { user, session, permissions } = await auth.me(ctx.actor);
      return { user, session: present(session), permissions };
    }),
    sessions: member(c.sessions).query(async ({ ctx }) =>
      (await auth.sessions(ctx.actor)).map(present),
    ),
    revokeSession: member(c.revokeSession).mutation(({ ctx, input }) =>
      auth.revokeSession(ctx.actor, input.id, ctx.origin),
    ),
  });

/** Joined to the users' router by `app-router.ts`. */
export const createPasswordRouter = (auth: AuthService<OwnProfile>) =>
  router({
    changePassword: member(passwordContract.changePassword).mutation(({ ctx, input }) =>
      auth.changePassword(ctx.actor, input, ctx.origin),
    ),
  });
