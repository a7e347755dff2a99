import type { Facts } from '#kernel/event.ts';
import type { AuditTrail } from '#modules/audit/audit.events.ts';
import type { Cache } from '#platform/cache/cache.ts';
import type { Database, Db } from '#platform/postgres/database.ts';
import type { Profile } from './user.ts';
import { userMessages } from './users.nats.ts';
import { createAccountStore, createUserStore } from './users.postgres.ts';
import { createRelationStore } from './users.relations.postgres.ts';
import { createUsersRouter } from './users.router.ts';
import type { Texts } from './users.ports.ts';
import { createUsersService } from './users.service.ts';

type Outside = {
  database: Database;
  cache: Cache;
  auditOn: (db: Db) => AuditTrail;
  factsOn: (db: Db) => Facts;
  texts: Texts;
};

const SECOND_MS = 1000;

/** Changes are seen when they are made; what was changed without a word, two minutes later at most. */
const times = { floor_ms: 30 * SECOND_MS, ceiling_ms: 120 * SECOND_MS, stale_ms: 90 * SECOND_MS };

const storesOn = (db: Db) => ({ ...createUserStore(db), ...createRelationStore(db) });

export const createUsersModule = ({ database, cache, auditOn, factsOn, texts }: Outside) => {
  const service = createUsersService({
    users: storesOn(database.db),
    texts,
    shown: cache.kind<Profile | undefined>({ name: 'profile', schema: 1, ...times }),
    inTransaction: (work) =>
      database.inTransaction((db) =>
        work({
          users: storesOn(db),
          audit: auditOn(db),
          facts: factsOn(db),
          cache: cache.tagsOn(db),
        }),
      ),
  });
  return {
    service,
    router: createUsersRouter(service),
    accountsOn: createAccountStore,
    messages: userMessages,
  };
};
