import { randomBytes } from 'node:crypto';
import { Client, DatabaseError } from 'pg';

type Urls = { url: string; migration_url: string };

const named = (url: string, database: string): string => {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
};

const databaseOf = (url: string): string => new URL(url).pathname.slice(1);

const asOwner = async <T>(
  { migration_url }: Urls,
  work: (owner: Client) => Promise<T>,
): Promise<T> => {
  const owner = new Client({ connectionString: named(migration_url, 'postgres') });
  await owner.connect();
  try {
    return await work(owner);
  } finally {
    await owner.end();
  }
};

/** A database of its own, empty or a copy of another; the copied one must have no connections. */
export const createDatabaseFrom = async (
  server: Urls,
  template: string | undefined,
): Promise<Urls> => {
  const name = `veza_test_${randomBytes(6).toString('hex')}`;
  await asOwner(server, async (owner) => {
    const from = template ? ` template ${owner.escapeIdentifier(template)}` : '';
    // One copy of a template at a time, over all workers.
    await owner.query('select pg_advisory_lock(42)');
    await owner.query(`create database ${owner.escapeIdentifier(name)}${from}`);
  });
  return { url: named(server.url, name), migration_url: named(server.migration_url, name) };
};

export const cloneDatabase = (template: Urls): Promise<Urls> =>
  createDatabaseFrom(template, databaseOf(template.migration_url));

const OBJECT_IN_USE = '55006';
const MOST_TRIES = 5;

/** Connections that are closing are waited for; the owner may not end other roles' by force. */
export const dropDatabase = (urls: Urls): Promise<void> =>
  asOwner(urls, async (owner) => {
    const name = owner.escapeIdentifier(databaseOf(urls.url));
    for (let tries = 1; ; tries += 1) {
      try {
        await owner.query(`drop database if exists ${name}`);
        return;
      } catch (fault) {
        const inUse = fault instanceof DatabaseError && fault.code === OBJECT_IN_USE;
        if (!inUse || tries === MOST_TRIES) throw fault;
      }
    }
  });
