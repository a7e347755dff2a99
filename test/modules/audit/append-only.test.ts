import { Client } from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { recordsOf } from '#test/audit.ts';
import { createUser } from '#test/factories.ts';
import { query } from '#test/tracks.ts';

const app = await testApp();
const role = new Client({ connectionString: app.urls.url });
await role.connect();
afterAll(() => role.end());

const NOT_PERMITTED = '42501';

/** With one role for everything there is nothing to withhold. */
describe.skipIf(app.urls.url === app.urls.migration_url)('the role of the application', () => {
  it.each([
    `update audit_records set user_id = null`,
    `update audit_records set details = '{}' where false`,
    `delete from audit_records`,
    `truncate audit_records cascade`,
    `drop table audit_records cascade`,
    `alter table audit_records add column x int`,
    `alter table audit_records disable trigger all`,
    `create rule lost as on insert to audit_records do instead nothing`,
    `set session_replication_role = 'replica'`,
    `delete from audit_origins`,
    `truncate audit_origins`,
  ])('may not %s', async (statement) => {
    await expect(role.query(statement)).rejects.toMatchObject({ code: NOT_PERMITTED });
  });

  it('blanks who a record came from, and the record stays', async () => {
    const user = await createUser(app);
    const [before] = await recordsOf(app, user);
    await query(
      app,
      `update audit_origins set ip_address = null, user_agent = null where record_id = ${before?.id}`,
    );
    expect(await recordsOf(app, user)).toEqual([{ ...before, ip_address: null, user_agent: null }]);
  });
});
