import type { Member } from '#kernel/actor.ts';
import { invalidFields } from '#kernel/errors.ts';
import type { Deps } from './chat.ports.ts';
import { directKey, type OwnRoom, roomErrors } from './room.ts';

const assertOther = (actor: Member, user_id: number): void => {
  if (actor.user_id === user_id)
    throw invalidFields([{ field: 'user_id', message: 'Is yourself' }]);
};

/** The one conversation of two people, whoever opens it first and however often. */
export const open =
  (deps: Deps) =>
  async (actor: Member, peer_id: number): Promise<OwnRoom> => {
    assertOther(actor, peer_id);
    const peer = await deps.users.get(peer_id);
    const { user_id, username } = actor;
    if (!(await deps.users.takesMessages(peer_id, user_id))) throw roomErrors.messagesRefused();
    const room_id = await deps.inTransaction(async ({ rooms, members, events }) => {
      const { room, made } = await rooms.ensureDirect(
        { kind: 'direct', name: null, created_by: user_id },
        directKey(user_id, peer_id),
      );
      if (!made) return room.id;
      const both = [
        { user_id, username },
        { user_id: peer.id, username: peer.username },
      ];
      for (const { user_id: id } of both) await members.join(room.id, id, 'member');
      const drafts = both.map(
        (who) =>
          ({
            type: 'member_joined',
            user_id: who.user_id,
            data: { ...who, role: 'member' },
          }) as const,
      );
      await events.append(room.id, drafts, deps.now().toISOString());
      return room.id;
    });
    const opened = await deps.rooms.findOneOwn(room_id, user_id);
    if (!opened) throw roomErrors.notFound();
    return opened;
  };
