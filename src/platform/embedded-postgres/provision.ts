import { Client, escapeLiteral } from 'pg';
import { createUrl, type Credentials } from './credentials.ts';

/**
 * Makes roles, extensions and the database `veza` where they are missing; a success also proves the server answers.
 * Killed half way, the next call goes on: each step is atomic, and the name `veza` is given last.
 */
export const provision = async (credentials: Credentials, port: number): Promise<void> => {
  const urlOf = (database: string) => createUrl(credentials, { role: 'postgres', port, database });
  const found = await withClient(urlOf('postgres'), findMade);
  if (found.has_database) return;
  await withClient(urlOf('template1'), async (client) => {
    if (!found.has_roles) await client.query(prepareTemplate(credentials));
    for (const statement of databaseSteps) await client.query(statement);
  });
};

const withClient = async <T>(url: string, work: (client: Client) => Promise<T>): Promise<T> => {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    query_timeout: 30_000,
  });
  // Without a listener a lost connection would end the process; the query under way rejects anyway.
  client.on('error', () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end();
  }
};

type Made = { has_database: boolean; has_roles: boolean };

const findMade = async (client: Client): Promise<Made> => {
  const { rows } = await client.query<Made>(`
    select exists (select from pg_database where datname = 'veza') as has_database,
           exists (select from pg_roles where rolname = 'veza_app') as has_roles`);
  return rows[0] ?? { has_database: false, has_roles: false };
};

/**
 * One message, hence one transaction. Every database made from the template has the extensions,
 * and gives `veza_app` the rows of whatever `veza_migrate` creates in it.
 */
const prepareTemplate = ({ veza_migrate, veza_app }: Credentials): string => `
  set local pg_stat_statements.track_utility = off;
  create role veza_migrate login createdb password ${escapeLiteral(veza_migrate)};
  create role veza_app login password ${escapeLiteral(veza_app)};
  create extension pg_trgm;
  create extension unaccent;
  create extension citext;
  create extension pg_stat_statements;
  alter default privileges for role veza_migrate grant usage on schemas to veza_app;
  alter default privileges for role veza_migrate grant usage on sequences to veza_app;
  alter default privileges for role veza_migrate
    grant select, insert, update, delete on tables to veza_app;`;

const databaseSteps = [
  'drop database if exists veza_unfinished',
  'create database veza_unfinished owner veza_migrate',
  'revoke temporary on database veza_unfinished from public',
  'alter database veza_unfinished rename to veza',
];
