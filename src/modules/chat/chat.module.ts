import type { Member } from '#kernel/actor.ts';
import type { AuditTrail } from '#modules/audit/audit.events.ts';
import type { Database, Db } from '#platform/postgres/database.ts';
import { randomToken } from '#platform/tokens.ts';
import { createLive } from './chat.live.ts';
import type { ChatStores, Deps, ModerationRecords } from './chat.ports.ts';
import {
  createChatRouter,
  createConversationsRouter,
  createMessagesRouter,
  createRoomsRouter,
} from './chat.router.ts';
import { createChatService } from './chat.service.ts';
import { streamEvents } from './chat.stream.ts';
import { createEventReads } from './event-reads.postgres.ts';
import { createEventLog, type Tell } from './events.postgres.ts';
import { createMessageKeeper } from './keeper.postgres.ts';
import { createInviteStore, createMemberWrites, createMentions } from './members.postgres.ts';
import { createMessageReads, createMessageWrites } from './messages.postgres.ts';
import { createRoomReads, createRoomWrites } from './rooms.postgres.ts';

type Outside = Pick<Deps, 'users' | 'moderation' | 'request_timeout_ms' | 'now'> & {
  database: Database;
  auditOn: (db: Db) => AuditTrail;
  moderationOn: (db: Db) => ModerationRecords;
  isSignedIn: (actor: Member) => Promise<boolean>;
  log: { warn(facts: object, said: string): void };
};

const CODE_BYTES = 12;

const storesOn = (db: Db, { auditOn, moderationOn }: Outside, tell: Tell): ChatStores => ({
  rooms: createRoomWrites(db),
  members: createMemberWrites(db),
  invites: createInviteStore(db),
  messages: createMessageWrites(db),
  mentions: createMentions(db),
  events: createEventLog(db, tell),
  moderation: moderationOn(db),
  audit: auditOn(db),
});

export const createChatModule = (outside: Outside) => {
  const { database, isSignedIn, log } = outside;
  const tell: Tell = (events) => live.committed(events);
  const deps: Deps = {
    ...outside,
    rooms: createRoomReads(database.db),
    messages: createMessageReads(database.db),
    invites: createInviteStore(database.db),
    keeper: createMessageKeeper(database, tell),
    inTransaction: (work) => database.inTransaction((db) => work(storesOn(db, outside, tell))),
    newCode: () => randomToken(CODE_BYTES),
  };
  const service = createChatService(deps);
  const live = createLive({ deps, reads: createEventReads(database.db), log });
  const streams = streamEvents({ live, isSignedIn });
  return {
    service,
    roomsRouter: createRoomsRouter(service),
    messagesRouter: createMessagesRouter(service),
    conversationsRouter: createConversationsRouter(service),
    router: createChatRouter(streams),
    streams,
    close: () => live.close(),
  };
};
