import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { Client } from 'pg';
import { libpqUrl } from './connection.ts';

const folder = new URL('../../../drizzle', import.meta.url).pathname;

/** Of `pg_advisory_lock`: one migration at a time, over all processes. */
const LOCK = 7_305_441_902;

type Settings = {
  /** Connects as the role that owns the tables. */
  migration_url: string;
  /** Connects as the role that uses them; it is granted no more than that. */
  url: string;
  /** Run under the same lock, as the owner, after the tables are there. */
  afterwards?: () => Promise<void>;
};

/** What the application may not do to tables that it may otherwise use: records stay as they were written. */
const withheld = { audit_records: 'update, delete', audit_origins: 'delete' };

const grantsFor = (role: string): string[] => [
  `grant usage on schema public, pgboss to ${role}`,
  `grant select, insert, update, delete on all tables in schema public, pgboss to ${role}`,
  `grant usage, select on all sequences in schema public, pgboss to ${role}`,
  ...Object.entries(withheld).map(([table, uses]) => `revoke ${uses} on ${table} from ${role}`),
];

const grant = async (owner: Client, url: string): Promise<void> => {
  const role = decodeURIComponent(new URL(url).username);
  if (role === owner.user || role === '') return;
  for (const statement of grantsFor(owner.escapeIdentifier(role))) await owner.query(statement);
};

/** Brings the database to the schema of this version. Safe to run from many processes at once. */
export const migrateDatabase = async ({
  migration_url,
  url,
  afterwards,
}: Settings): Promise<void> => {
  const owner = new Client({
    connectionString: libpqUrl(migration_url),
    application_name: 'veza-api migration',
    connectionTimeoutMillis: 5000,
  });
  owner.on('error', () => undefined);
  await owner.connect();
  try {
    await owner.query('select pg_advisory_lock($1)', [LOCK]);
    await migrate(drizzle({ client: owner }), { migrationsFolder: folder });
    await afterwards?.();
    await grant(owner, url);
  } finally {
    await owner.end().catch(() => undefined);
  }
};
