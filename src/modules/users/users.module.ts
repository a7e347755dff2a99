import type { AuditTrail } from '#modules/audit/audit.events.ts';
import type { Database, Db } from '#platform/postgres/database.ts';
import { createAccountStore, createUserStore } from './users.postgres.ts';
import { createUsersRouter } from './users.router.ts';
import type { Texts } from './users.ports.ts';
import { createUsersService } from './users.service.ts';

type Outside = { database: Database; auditOn: (db: Db) => AuditTrail; texts: Texts };

export const createUsersModule = ({ database, auditOn, texts }: Outside) => {
  const service = createUsersService({
    users: createUserStore(database.db),
    texts,
    inTransaction: (work) =>
      database.inTransaction((db) => work({ users: createUserStore(db), audit: auditOn(db) })),
  });
  return { service, router: createUsersRouter(service), accountsOn: createAccountStore };
};
