import type { Member } from '#kernel/actor.ts';
import { look, type Seen } from './chat.access.ts';
import { moderate } from './chat.moderating.ts';
import { isJoined } from './chat.policy.ts';
import type { Deps, Kept, Outgoing } from './chat.ports.ts';
import { type Message, messageErrors } from './message.ts';
import { roomErrors } from './room.ts';
import type { SendQueue } from './send-queue.ts';

export type Sending = {
  id: number;
  content: string;
  reply_to?: number | undefined;
  client_id?: string | undefined;
};

/** The other one of a direct conversation must take messages from this author. */
const assertTaken = async (deps: Deps, actor: Member, { room }: Seen): Promise<void> => {
  if (room.kind !== 'direct') return;
  const { peer } = (await deps.rooms.findOneOwn(room.id, actor.user_id)) ?? {};
  if (peer && !(await deps.users.takesMessages(peer.user_id, actor.user_id)))
    throw roomErrors.messagesRefused();
};

const assertReply = async (deps: Deps, { id, reply_to }: Sending): Promise<void> => {
  if (reply_to === undefined) return;
  const replied = await deps.messages.findOneById(reply_to);
  if (replied?.room_id !== id) throw messageErrors.notFound();
};

/** Whether the author may say something here at all. What changes until the commit is looked at again there. */
const validate = async (deps: Deps, actor: Member, sending: Sending): Promise<void> => {
  const seen = await look(deps, actor, sending.id);
  if (!isJoined(seen.member)) throw roomErrors.notAMember();
  await assertTaken(deps, actor, seen);
  await assertReply(deps, sending);
};

const refusalOf = (kept: Exclude<Kept, { message: Message }>): Error => {
  if (kept.outcome === 'muted' || kept.outcome === 'slow_mode') {
    const { retry_after_seconds } = kept;
    const refuse = kept.outcome === 'muted' ? roomErrors.muted : messageErrors.slowMode;
    return refuse({ retry_after_seconds });
  }
  if (kept.outcome === 'not_a_member') return roomErrors.notAMember();
  if (kept.outcome === 'client_id_reused') return messageErrors.clientIdReused();
  return roomErrors.notFound();
};

const settle = (kept: Kept): Message => {
  if ('message' in kept) return kept.message;
  throw refusalOf(kept);
};

/** Kept, and numbered, with those that others send meanwhile; told to the room at the commit. */
const persist = async (queue: SendQueue, outgoing: Outgoing): Promise<Message> =>
  settle(await queue.keep(outgoing));

/** Whatever has changed since, a message that was kept under this client_id is answered again. */
const unlessRepeated = async (
  { keeper }: Deps,
  outgoing: Outgoing,
  refused: unknown,
): Promise<Message> => {
  const before = outgoing.client_id === null ? undefined : await keeper.findRepeated(outgoing);
  if (before) return settle(before);
  throw refused;
};

const outgoingOf = ({ user_id, username }: Member, sending: Sending): Outgoing => ({
  room_id: sending.id,
  author: { user_id, username },
  content: sending.content,
  written: sending.content,
  reply_to: sending.reply_to ?? null,
  client_id: sending.client_id ?? null,
});

/** validate → moderate → persist; the commit broadcasts. */
export const send =
  (deps: Deps, queue: SendQueue) =>
  async (actor: Member, sending: Sending): Promise<Message> => {
    const outgoing = outgoingOf(actor, sending);
    let content: string;
    try {
      await validate(deps, actor, sending);
      content = await moderate(deps, actor, sending);
    } catch (refused) {
      return unlessRepeated(deps, outgoing, refused);
    }
    return persist(queue, { ...outgoing, content });
  };
