import type { Member, Origin } from '#kernel/actor.ts';
import { assertAllowed, assertMaySpeak, lockEntered, lockSeen, look } from './chat.access.ts';
import { canModerate, isAuthor } from './chat.policy.ts';
import type { ChatStores, Deps } from './chat.ports.ts';
import { moderate } from './chat.moderating.ts';
import { mentionsIn, type Message, type MessageEdit, messageErrors } from './message.ts';

/** The room is found by the message, which never moves; what else it says is read again under the room's lock. */
const roomOf = async ({ messages }: Pick<Deps, 'messages'>, id: number): Promise<number> => {
  const message = await messages.findOneById(id);
  if (!message) throw messageErrors.notFound();
  return message.room_id;
};

export const readLive = async ({ messages }: ChatStores, id: number): Promise<Message> => {
  const message = await messages.findOneById(id);
  if (!message || message.deleted_at !== null) throw messageErrors.notFound();
  return message;
};

export const edits =
  (deps: Deps) =>
  async (actor: Member, id: number): Promise<{ edits: MessageEdit[] }> => {
    const message = await deps.messages.findOneById(id);
    if (!message) throw messageErrors.notFound();
    const { room, member } = await look(deps, actor, message.room_id);
    assertAllowed(isAuthor(actor, message) || canModerate(actor, room, member));
    return { edits: await deps.messages.findEdits(id) };
  };

export const edit =
  (deps: Deps) =>
  async (actor: Member, input: { id: number; content: string }): Promise<Message> => {
    const room_id = await roomOf(deps, input.id);
    await look(deps, actor, room_id);
    const content = await moderate(deps, actor, { id: room_id, content: input.content });
    return deps.inTransaction(async (stores) => {
      const { member } = await lockEntered(stores, actor, room_id);
      const before = await readLive(stores, input.id);
      assertAllowed(isAuthor(actor, before));
      assertMaySpeak(member, deps.now());
      if (before.content === content) return before;
      const at = deps.now().toISOString();
      const mentions = await stores.mentions.findMentioned(
        room_id,
        actor.user_id,
        mentionsIn(content),
      );
      const data = await stores.messages.edit(input.id, content, { mentions, at });
      const { user_id } = actor;
      const draft = { type: 'message_edited', user_id, message_id: input.id, data } as const;
      await stores.events.append(room_id, [draft], at);
      return data;
    });
  };

const recordRemoval = (
  { audit }: ChatStores,
  actor: Member,
  { message, origin }: { message: Message; origin: Origin },
): Promise<void> =>
  audit.record({
    event_type: 'message_removed',
    user_id: actor.user_id,
    origin,
    success: true,
    details: { message_id: message.id, room_id: message.room_id, author_id: message.user_id },
  });

/** What was deleted before is answered as it is. */
export const remove =
  (deps: Deps) =>
  async (actor: Member, id: number, origin: Origin): Promise<Message> => {
    const room_id = await roomOf(deps, id);
    return deps.inTransaction(async (stores) => {
      const { room, member } = await lockSeen(stores, actor, room_id);
      const message = await stores.messages.findOneById(id);
      if (!message) throw messageErrors.notFound();
      assertAllowed(isAuthor(actor, message) || canModerate(actor, room, member));
      if (message.deleted_at !== null) return message;
      const at = deps.now().toISOString();
      const { user_id } = actor;
      const buried = await stores.messages.bury(id, user_id, at);
      const data = { message_id: id, deleted_at: at, by: user_id };
      const draft = { type: 'message_deleted', user_id, message_id: id, data } as const;
      await stores.events.append(room_id, [draft], at);
      if (!isAuthor(actor, message)) await recordRemoval(stores, actor, { message, origin });
      return buried;
    });
  };

type Reaction = { id: number; emoji: string };

const reacting =
  (added: boolean) =>
  (deps: Deps) =>
  async (actor: Member, { id, emoji }: Reaction): Promise<Message> => {
    const room_id = await roomOf(deps, id);
    return deps.inTransaction(async (stores) => {
      const { member } = await lockEntered(stores, actor, room_id);
      if (added) assertMaySpeak(member, deps.now());
      await readLive(stores, id);
      const { messages, events } = stores;
      const { user_id } = actor;
      const changed = added
        ? await messages.addReaction(id, user_id, emoji)
        : await messages.removeReaction(id, user_id, emoji);
      const data = { message_id: id, user_id, emoji, added };
      const draft = { type: 'reaction', user_id, message_id: id, data } as const;
      if (changed) await events.append(room_id, [draft], deps.now().toISOString());
      return readLive(stores, id);
    });
  };

export const react = reacting(true);
export const unreact = reacting(false);

const pinning =
  (pinned: boolean) =>
  (deps: Deps) =>
  async (actor: Member, id: number): Promise<Message> => {
    const room_id = await roomOf(deps, id);
    return deps.inTransaction(async (stores) => {
      const { room, member } = await lockEntered(stores, actor, room_id);
      assertAllowed(room.kind === 'direct' || canModerate(actor, room, member));
      const message = await readLive(stores, id);
      if ((message.pinned_at !== null) === pinned) return message;
      const at = deps.now().toISOString();
      const { user_id } = actor;
      const data = { message_id: id, by: user_id, pinned };
      await stores.events.append(room_id, [{ type: 'pin', user_id, message_id: id, data }], at);
      return stores.messages.setPinned(id, user_id, pinned ? at : null);
    });
  };

export const pin = pinning(true);
export const unpin = pinning(false);
