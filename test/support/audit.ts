import type { TestApp } from './app.ts';

export type AuditRecord = {
  id: number;
  event_type: string;
  user_id: number | null;
  success: boolean;
  details: Record<string, unknown>;
  request_id: string;
  ip_address: string;
  user_agent: string;
};

/** Records that tell of a user, oldest first, with where each came from. */
export const recordsOf = async (
  app: TestApp,
  user: { id: number },
  ...types: string[]
): Promise<AuditRecord[]> => {
  const { rows } = await app.outside.pool.query<AuditRecord>(
    `select r.id::int, event_type, user_id::int, success, details, request_id, ip_address, user_agent
     from audit_records r left join audit_origins o on o.record_id = r.id
     where user_id = $1 and (event_type = any ($2) or $2 = '{}') order by r.id`,
    [user.id, types],
  );
  return rows;
};
