import type { Member } from '#kernel/actor.ts';
import { assertAllowed, assertRuled, lockEntered, look } from './chat.access.ts';
import { canModerate, isJoined } from './chat.policy.ts';
import type { Deps } from './chat.ports.ts';
import { type Invite, roomErrors } from './room.ts';

export const invites =
  (deps: Deps) =>
  async (actor: Member, id: number): Promise<{ invites: Invite[] }> => {
    const { room, member } = await look(deps, actor, id);
    if (!isJoined(member)) throw roomErrors.notAMember();
    assertAllowed(canModerate(actor, room, member));
    return { invites: await deps.invites.findManyOpen(id, deps.now()) };
  };

type Terms = { id: number; expires_in_seconds: number | null; max_uses: number | null };

export const createInvite =
  ({ inTransaction, newCode, now }: Deps) =>
  (actor: Member, { id, expires_in_seconds, max_uses }: Terms): Promise<Invite> =>
    inTransaction(async (stores) => {
      const { room, member } = await lockEntered(stores, actor, id);
      assertRuled(room);
      assertAllowed(canModerate(actor, room, member));
      const expires_at =
        expires_in_seconds === null
          ? null
          : new Date(now().getTime() + expires_in_seconds * 1000).toISOString();
      const created_by = actor.user_id;
      return stores.invites.insertOne({
        code: newCode(),
        room_id: id,
        created_by,
        expires_at,
        max_uses,
      });
    });

export const revokeInvite =
  ({ inTransaction }: Deps) =>
  (actor: Member, { id, code }: { id: number; code: string }): Promise<{ code: string }> =>
    inTransaction(async (stores) => {
      const { room, member } = await lockEntered(stores, actor, id);
      assertAllowed(canModerate(actor, room, member));
      if (!(await stores.invites.revokeOne(id, code))) throw roomErrors.notFound();
      return { code };
    });
