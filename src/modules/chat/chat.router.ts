import { anyone, member, router, subscribed, tracked } from '#api/trpc.ts';
import { eventsInput } from './chat.contract.ts';
import type { ChatService } from './chat.service.ts';
import type { Streams } from './chat.stream.ts';
import { conversationsContract as v, messagesContract as m } from './messages.contract.ts';
import { roomsContract as r } from './rooms.contract.ts';

export const createRoomsRouter = (chat: ChatService) =>
  router({
    list: anyone(r.list).query(({ input }) => chat.listRooms(input)),
    mine: member(r.mine).query(({ ctx, input }) => chat.myRooms(ctx.actor, input)),
    byId: anyone(r.byId).query(({ ctx, input }) => chat.getRoom(ctx.actor, input.id)),
    members: member(r.members).query(({ ctx, input }) => chat.listMembers(ctx.actor, input)),
    create: member(r.create).mutation(({ ctx, input }) =>
      chat.createRoom(ctx.actor, input, ctx.origin),
    ),
    update: member(r.update).mutation(({ ctx, input }) => chat.updateRoom(ctx.actor, input, ctx)),
    remove: member(r.remove).mutation(({ ctx, input }) =>
      chat.removeRoom(ctx.actor, input.id, ctx),
    ),
    join: member(r.join).mutation(({ ctx, input }) => chat.join(ctx.actor, input.id)),
    leave: member(r.leave).mutation(({ ctx, input }) => chat.leave(ctx.actor, input.id)),
    updateMember: member(r.updateMember).mutation(({ ctx, input }) =>
      chat.updateMember(ctx.actor, input, ctx.origin),
    ),
    removeMember: member(r.removeMember).mutation(({ ctx, input }) =>
      chat.removeMember(ctx.actor, input, ctx.origin),
    ),
    invites: member(r.invites).query(({ ctx, input }) => chat.listInvites(ctx.actor, input.id)),
    createInvite: member(r.createInvite).mutation(({ ctx, input }) =>
      chat.createInvite(ctx.actor, input),
    ),
    revokeInvite: member(r.revokeInvite).mutation(({ ctx, input }) =>
      chat.revokeInvite(ctx.actor, input),
    ),
    acceptInvite: member(r.acceptInvite).mutation(({ ctx, input }) =>
      chat.acceptInvite(ctx.actor, input.code),
    ),
  });

export const createMessagesRouter = (chat: ChatService) =>
  router({
    history: anyone(m.history).query(({ ctx, input }) => chat.history(ctx.actor, input)),
    edits: member(m.edits).query(({ ctx, input }) => chat.listEdits(ctx.actor, input.id)),
    send: member(m.send).mutation(({ ctx, input }) => chat.send(ctx.actor, input)),
    edit: member(m.edit).mutation(({ ctx, input }) => chat.edit(ctx.actor, input)),
    remove: member(m.remove).mutation(({ ctx, input }) =>
      chat.remove(ctx.actor, input.id, ctx.origin),
    ),
    react: member(m.react).mutation(({ ctx, input }) => chat.react(ctx.actor, input)),
    unreact: member(m.unreact).mutation(({ ctx, input }) => chat.unreact(ctx.actor, input)),
    pin: member(m.pin).mutation(({ ctx, input }) => chat.pin(ctx.actor, input.id)),
    unpin: member(m.unpin).mutation(({ ctx, input }) => chat.unpin(ctx.actor, input.id)),
    markRead: member(m.markRead).mutation(({ ctx, input }) => chat.markRead(ctx.actor, input)),
  });

export const createConversationsRouter = (chat: ChatService) =>
  router({
    list: member(v.list).query(({ ctx, input }) => chat.listConversations(ctx.actor, input)),
    open: member(v.open).mutation(({ ctx, input }) =>
      chat.openConversation(ctx.actor, input.user_id),
    ),
  });

export const createChatRouter = ({ events }: Pick<Streams, 'events'>) =>
  router({
    events: subscribed(eventsInput).subscription(async function* ({ ctx, input, signal }) {
      for await (const { told, id } of events(ctx.actor, input, signal)) yield tracked(id, told);
    }),
  });
