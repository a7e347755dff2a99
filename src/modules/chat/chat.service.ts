import * as conversations from './chat.conversations.ts';
import * as history from './chat.history.ts';
import * as invites from './chat.invites.ts';
import * as members from './chat.members.ts';
import * as messages from './chat.messages.ts';
import type { Deps } from './chat.ports.ts';
import * as rooms from './chat.rooms.ts';
import { send } from './chat.sending.ts';
import { createSendQueue } from './send-queue.ts';

/** Of one transaction: enough to make the commit cheap, few enough to keep its locks short. */
const MOST_TOGETHER = 200;

export type ChatService = ReturnType<typeof createChatService>;

export const createChatService = (deps: Deps) => {
  const { keeper, request_timeout_ms: timeout_ms, now } = deps;
  const queue = createSendQueue({ keeper, most: MOST_TOGETHER, timeout_ms, now });
  return {
    listRooms: rooms.list(deps),
    myRooms: rooms.mine(deps),
    getRoom: rooms.get(deps),
    listMembers: rooms.members(deps),
    createRoom: rooms.create(deps),
    updateRoom: rooms.update(deps),
    removeRoom: rooms.remove(deps),
    join: members.join(deps),
    leave: members.leave(deps),
    updateMember: members.updateMember(deps),
    removeMember: members.removeMember(deps),
    listInvites: invites.invites(deps),
    createInvite: invites.createInvite(deps),
    revokeInvite: invites.revokeInvite(deps),
    acceptInvite: members.acceptInvite(deps),
    history: history.history(deps),
    markRead: history.markRead(deps),
    send: send(deps, queue),
    listEdits: messages.edits(deps),
    edit: messages.edit(deps),
    remove: messages.remove(deps),
    react: messages.react(deps),
    unreact: messages.unreact(deps),
    pin: messages.pin(deps),
    unpin: messages.unpin(deps),
    listConversations: rooms.conversations(deps),
    openConversation: conversations.open(deps),
  };
};
