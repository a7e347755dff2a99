import type { AuditTrail } from '#modules/audit/audit.events.ts';
import type { Database, Db } from '#platform/postgres/database.ts';
import { randomToken } from '#platform/tokens.ts';
import type { ChatStores, Deps, ModerationRecords } from './chat.ports.ts';
import {
  createConversationsRouter,
  createMessagesRouter,
  createRoomsRouter,
} from './chat.router.ts';
import { createChatService } from './chat.service.ts';
import { createEventLog } from './events.postgres.ts';
import { createMessageKeeper } from './keeper.postgres.ts';
import { createInviteStore, createMemberWrites, createMentions } from './members.postgres.ts';
import { createMessageReads, createMessageWrites } from './messages.postgres.ts';
import { createRoomReads, createRoomWrites } from './rooms.postgres.ts';

type Outside = Pick<Deps, 'users' | 'moderation' | 'request_timeout_ms' | 'now'> & {
  database: Database;
  auditOn: (db: Db) => AuditTrail;
  moderationOn: (db: Db) => ModerationRecords;
};

const CODE_BYTES = 12;

const storesOn = (db: Db, { auditOn, moderationOn }: Outside): ChatStores => ({
  rooms: createRoomWrites(db),
  members: createMemberWrites(db),
  invites: createInviteStore(db),
  messages: createMessageWrites(db),
  mentions: createMentions(db),
  events: createEventLog(db),
  moderation: moderationOn(db),
  audit: auditOn(db),
});

export const createChatModule = (outside: Outside) => {
  const { database } = outside;
  const service = createChatService({
    ...outside,
    rooms: createRoomReads(database.db),
    messages: createMessageReads(database.db),
    invites: createInviteStore(database.db),
    keeper: createMessageKeeper(database),
    inTransaction: (work) => database.inTransaction((db) => work(storesOn(db, outside))),
    newCode: () => randomToken(CODE_BYTES),
  });
  return {
    service,
    roomsRouter: createRoomsRouter(service),
    messagesRouter: createMessagesRouter(service),
    conversationsRouter: createConversationsRouter(service),
  };
};
