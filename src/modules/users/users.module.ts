import type { Facts } from '#kernel/event.ts';
import type { AuditTrail } from '#modules/audit/audit.events.ts';
import type { Database, Db } from '#platform/postgres/database.ts';
import { userMessages } from './users.nats.ts';
import { createAccountStore, createUserStore } from './users.postgres.ts';
import { createUsersRouter } from './users.router.ts';
import { createUsersService } from './users.service.ts';

type Outside = {
  database: Database;
  auditOn: (db: Db) => AuditTrail;
  factsOn: (db: Db) => Facts;
};

export const createUsersModule = ({ database, auditOn, factsOn }: Outside) => {
  const service = createUsersService({
    users: createUserStore(database.db),
    inTransaction: (work) =>
      database.inTransaction((db) =>
        work({ users: createUserStore(db), audit: auditOn(db), facts: factsOn(db) }),
      ),
  });
  return {
    service,
    router: createUsersRouter(service),
    accountsOn: createAccountStore,
    messages: userMessages,
  };
};
