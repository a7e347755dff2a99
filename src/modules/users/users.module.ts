import type { AuditTrail } from '#modules/audit/audit.events.ts';
import type { Database, Db } from '#platform/postgres/database.ts';
import { createAccountStore, createUserStore } from './users.postgres.ts';
import { createRelationStore } from './users.relations.postgres.ts';
import { createUsersRouter } from './users.router.ts';
import { createUsersService } from './users.service.ts';

type Outside = { database: Database; auditOn: (db: Db) => AuditTrail };

const storesOn = (db: Db) => ({ ...createUserStore(db), ...createRelationStore(db) });

export const createUsersModule = ({ database, auditOn }: Outside) => {
  const service = createUsersService({
    users: storesOn(database.db),
    inTransaction: (work) =>
      database.inTransaction((db) => work({ users: storesOn(db), audit: auditOn(db) })),
  });
  return { service, router: createUsersRouter(service), accountsOn: createAccountStore };
};
