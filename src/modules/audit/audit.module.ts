import type { Database, Db } from '#platform/postgres/database.ts';
import { createAuditTrail } from './audit.postgres.ts';
import { createRefusalAudit } from './refusal-audit.ts';

type Outside = {
  database: Database;
  log: { warn(facts: object, said: string): void };
  now: () => Date;
};

export const createAuditModule = ({ database, log, now }: Outside) => ({
  /** Records join the transaction they are written in. */
  auditOn: (db: Db) => createAuditTrail(db),
  refusals: createRefusalAudit({
    inTransaction: (work) => database.inTransaction((db) => work({ audit: createAuditTrail(db) })),
    log,
    now,
  }),
});
