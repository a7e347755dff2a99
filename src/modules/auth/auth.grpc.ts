import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import type { MemberCall } from '#api/grpc/context.ts';
import { either, implement, members } from '#api/grpc/implement.ts';
import { type Asker, userIdOf } from '#kernel/actor.ts';
import { sharedErrors } from '#kernel/errors.ts';
import { id, text } from '#kernel/fields.ts';
import { parseWith } from '#kernel/validation.ts';
import type { OwnProfile } from '#modules/users/users.contract.ts';
import { AuthService as definition } from '#proto/veza/auth/v1/auth_pb.ts';
import type { AuthService } from './auth.service.ts';

/** An account as somebody may see it: what they may not is absent. */
export type SeenAccount = Pick<OwnProfile, 'id' | 'username' | 'display_name' | 'created_at'> &
  Partial<Pick<OwnProfile, 'email' | 'role' | 'state'>>;

const idOrNone = z.union([z.literal(0), id()]);
const account = z.strictObject({ user_id: idOrNone });
const question = z.strictObject({
  user_id: idOrNone,
  resource: text(1, 50),
  action: text(1, 50),
  resource_id: idOrNone,
});
const revocation = z.strictObject({ reason: text(0, 200) });

const atSecond = (seconds: number) => timestampFromDate(new Date(seconds * 1000));

const presentClaims = ({ actor, claims }: MemberCall) => ({
  userId: BigInt(actor.user_id),
  username: actor.username,
  role: actor.role,
  state: actor.state,
  isActive: actor.state === 'active',
  sessionId: BigInt(actor.session_id),
  issuedAt: atSecond(claims.issued_at),
  expiresAt: atSecond(claims.expires_at),
});

const presentAccount = ({ id, username, created_at, ...shown }: SeenAccount) => ({
  id: BigInt(id),
  username,
  ...(shown.display_name !== null && { displayName: shown.display_name }),
  ...(shown.email !== undefined && { email: shown.email }),
  ...(shown.role !== undefined && { role: shown.role }),
  ...(shown.state !== undefined && { state: shown.state }),
  createdAt: timestampFromDate(new Date(created_at)),
});

/** Whom a request is about: 0 is the account of its token. */
const subjectOf = ({ actor }: Asker, user_id: number): number => {
  const subject = user_id || userIdOf(actor);
  if (subject === 0) throw sharedErrors.unauthenticated();
  return subject;
};

/** `veza.auth.v1.AuthService`. */
export const createAuthGrpc = (
  auth: AuthService<OwnProfile>,
  accountFor: (asker: Asker, user_id: number) => Promise<SeenAccount>,
) =>
  implement(definition, {
    validateToken: members(async (ctx) => ({ user: presentClaims(ctx) })),
    getUserInfo: either(async (ctx, { userId }) => {
      const { user_id } = parseWith(account, { user_id: Number(userId) });
      return { user: presentAccount(await accountFor(ctx, subjectOf(ctx, user_id))) };
    }),
    checkPermissions: either((ctx, { userId, resource, action, resourceId }) =>
      auth.checkPermissions(
        ctx,
        parseWith(question, {
          user_id: Number(userId),
          resource,
          action,
          resource_id: Number(resourceId),
        }),
      ),
    ),
    revokeToken: members(async (ctx, { reason }) => {
      const told = parseWith(revocation, { reason });
      const { ended_sessions } = await auth.logout(ctx.actor, ctx.origin, told.reason);
      return { endedSessions: ended_sessions };
    }),
  });
