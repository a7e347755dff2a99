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

const find = async (
  { outside }: TestApp,
  condition: string,
  values: unknown[],
): Promise<AuditRecord[]> => {
  const { rows } = await outside.pool.query<AuditRecord>(
    `select r.id::int, event_type, user_id::int, success, details, request_id, ip_address, user_agent
     from audit_records r left join audit_origins o on o.record_id = r.id
     where ${condition} order by r.id`,
    values,
  );
  return rows;
};

/** Records that tell of a user, oldest first, with where each came from. */
export const recordsOf = (app: TestApp, { id }: { id: number }, ...types: string[]) =>
  find(app, `user_id = $1 and (event_type = any ($2) or $2 = '{}')`, [id, types]);

/** Records that tell of strangers at an address. */
export const recordsFrom = (app: TestApp, ip_address: string) =>
  find(app, 'user_id is null and ip_address = $1', [ip_address]);
