import { sql } from 'drizzle-orm';
import type { Db } from '#platform/postgres/database.ts';
import type { AuditEvent, AuditTrail } from './audit.events.ts';
import { auditOriginsTable, auditRecordsTable } from './audit.table.ts';

const recordOf = ({ event_type, user_id, success, details = {}, origin }: AuditEvent) => ({
  event_type,
  user_id,
  success,
  details,
  request_id: origin.request_id,
});

/** Record and origin in one statement. */
export const createAuditTrail = (db: Db): AuditTrail => ({
  async record(event) {
    const record = db
      .$with('record')
      .as(
        db
          .insert(auditRecordsTable)
          .values(recordOf(event))
          .returning({ id: auditRecordsTable.id }),
      );
    const { ip_address, user_agent } = event.origin;
    await db
      .with(record)
      .insert(auditOriginsTable)
      .select(
        db
          .select({
            record_id: sql<number>`${record.id}`.as('record_id'),
            ip_address: sql<string>`${ip_address}::text`.as('ip_address'),
            user_agent: sql<string>`${user_agent}::text`.as('user_agent'),
          })
          .from(record),
      );
  },
});
