import { LRUCache } from 'lru-cache';
import type { Asker, Member } from '#kernel/actor.ts';
import type { Facts } from '#kernel/event.ts';
import type { AuditTrail, RefusalAudit } from '#modules/audit/audit.events.ts';
import type { OwnProfile } from '#modules/users/users.contract.ts';
import type { Cache } from '#platform/cache/cache.ts';
import { createCommonPasswords } from '#platform/common-passwords.ts';
import type { Passwords } from '#platform/passwords.ts';
import type { Database, Db } from '#platform/postgres/database.ts';
import type { Notifications } from '#platform/postgres/notifications.ts';
import { createTokenMint } from '#platform/token-mint.ts';
import type { AccessTokens } from '#platform/tokens.ts';
import { createAuthGrpc, type SeenAccount } from './auth.grpc.ts';
import type { Accounts, MemberStore, ResourceRights, Texts } from './auth.ports.ts';
import {
  CHANGES_CHANNEL,
  createLoginAttempts,
  createMemberStore,
  createSessionStore,
  purgeSignIns,
} from './auth.postgres.ts';
import { forgetSignIns } from './auth.job.ts';
import { authMessages } from './auth.nats.ts';
import { createAuthRouter, createPasswordRouter } from './auth.router.ts';
import { createAuthService } from './auth.service.ts';
import { type Changes, createIdentification } from './identification.ts';
import { createTurns } from './turns.ts';

type SessionClaims = { user_id: number; session_id: number };

const MOST_REMEMBERED = 50_000;
const LONGEST_REMEMBERED_MS = 60_000;
/** As many passwords as can be looked at within the deadline of a request. */
const LONGEST_LINE = 50;

type Outside = {
  database: Database;
  cache: Cache;
  notifications: Notifications;
  passwords: Passwords;
  access: AccessTokens;
  secrets: { secret: string; previous: string | undefined };
  lifetimes: { session_ms: number; refresh_ms: number };
  rotates: boolean;
  now: () => Date;
  accountsOn: (db: Db) => Accounts;
  auditOn: (db: Db) => AuditTrail;
  factsOn: (db: Db) => Facts;
  refusals: RefusalAudit;
  texts: Texts;
  profileOf: (user_id: number) => Promise<OwnProfile>;
  rights: Readonly<Record<string, ResourceRights>>;
  /** An account as the asker may see it. */
  accountFor: (asker: Asker, user_id: number) => Promise<SeenAccount>;
};

/** `session:12` and `user:3`, as they come over the channel. */
const changesFrom = (notifications: Notifications): Changes => {
  const on = (kind: string, hear: (id: number) => void): void =>
    notifications.on(CHANGES_CHANNEL, (payload) => {
      const [about, id] = payload.split(':');
      if (about === kind) hear(Number(id));
    });
  return {
    isAlive: () => notifications.isAlive(),
    onSession: (hear) => on('session', hear),
    onUser: (hear) => on('user', hear),
    onGap: (recover) => notifications.onGap(recover),
  };
};

const SECOND_MS = 1000;
const times = { floor_ms: 30 * SECOND_MS, ceiling_ms: 60 * SECOND_MS };

type Known = Member & { expires_at: string };
type Ended = { user_id: number } | { session_ids: readonly number[] };

/** In Redis, where there is one: a process that meets a session for the first time need not ask the database. */
const sharedMembers = (members: MemberStore, cache: Cache): MemberStore => {
  const settings = { name: 'session', schema: 1, levels: [2], ...times } as const;
  const sessions = cache.kind<Known | undefined>(settings);
  const load = async (session_id: number) => {
    const value = await members.findMember(session_id);
    return { value, tags: value && [`session:${session_id}`, `user:${value.user_id}`] };
  };
  return { findMember: async (id) => sessions.get(id, () => load(id)) };
};

const tagsOf = (ended: Ended): string[] =>
  'user_id' in ended ? [`user:${ended.user_id}`] : ended.session_ids.map((id) => `session:${id}`);

const identify = ({ cache, notifications, now }: Outside, members: MemberStore) =>
  createIdentification({
    members: sharedMembers(members, cache),
    createMemory: (dropped) =>
      new LRUCache<number, Known>({
        max: MOST_REMEMBERED,
        ttl: LONGEST_REMEMBERED_MS,
        dispose: (known, session_id, reason) => {
          if (reason !== 'set') dropped(session_id, known);
        },
      }),
    changes: changesFrom(notifications),
    now,
  });

export const createAuthModule = (outside: Outside) => {
  const { database, cache, accountsOn, auditOn, factsOn, access, secrets, now } = outside;
  const members = createMemberStore(database.db);
  const identification = identify(outside, members);
  const service = createAuthService({
    ...outside,
    accounts: accountsOn(database.db),
    accountOf: outside.profileOf,
    sessions: createSessionStore(database.db),
    members,
    attempts: createLoginAttempts(database.db),
    takeTurn: createTurns(LONGEST_LINE),
    inTransaction: (work) =>
      database.inTransaction((db) =>
        work({
          accounts: accountsOn(db),
          sessions: createSessionStore(db),
          audit: auditOn(db),
          facts: factsOn(db),
        }),
      ),
    common: createCommonPasswords(),
    mint: createTokenMint(secrets),
    forget(ended) {
      identification.forget(ended);
      cache.invalidate(tagsOf(ended));
    },
  });
  return {
    service,
    router: createAuthRouter(service),
    passwordRouter: createPasswordRouter(service),
    messages: authMessages,
    grpc: createAuthGrpc(service, outside.accountFor),
    jobs: [forgetSignIns(() => purgeSignIns(database.db, now()))],
    identification: {
      verify: (token: string) => access.verify(token),
      memberOf: (claims: SessionClaims) => identification.memberOf(claims),
    },
  };
};
