import { drizzle, type NodePgQueryResultHKT } from 'drizzle-orm/node-postgres';
import type { PgDatabase } from 'drizzle-orm/pg-core';
import type { PoolClient } from 'pg';
import { isRetryable } from './failures.ts';
import { type DatabasePool, isUnusable } from './pool.ts';

/** The pool or an open transaction: stores cannot tell, and must not care. */
export type Db = PgDatabase<NodePgQueryResultHKT>;

export type Database = {
  /** Each statement on a connection of its own. */
  db: Db;
  /**
   * All of `work` or nothing of it. Runs it again, at most twice, after a deadlock or a serialization
   * failure: effects outside the database do not belong inside.
   */
  inTransaction: <T>(work: (db: Db) => Promise<T>) => Promise<T>;
};

/** Whether the connection can be used again. */
const rollBack = async (client: PoolClient, fault: unknown): Promise<boolean> => {
  if (isUnusable(fault)) return false;
  return client.query('rollback').then(
    () => true,
    () => false,
  );
};

const commit = async (client: PoolClient): Promise<void> => {
  const { command } = await client.query('commit');
  if (command !== 'COMMIT')
    throw new Error('A statement had failed: the transaction was rolled back');
};

/** What waits for the commit of each open transaction. */
const waiting = new WeakMap<Db, (() => void)[]>();

/**
 * Calls `hook` in this process as soon as the transaction of `db` has committed; never when it does not.
 * For hints that save others a wait: a process that dies in between has called nobody.
 */
export const onCommit = (db: Db, hook: () => void): void => {
  const hooks = waiting.get(db);
  if (!hooks) throw new Error('There is no transaction to wait for');
  hooks.push(hook);
};

const attempt = async <T>(pool: DatabasePool, work: (db: Db) => Promise<T>): Promise<T> => {
  const client = await pool.connect();
  let usable = false;
  try {
    await client.query('begin');
    const db = drizzle({ client });
    const hooks: (() => void)[] = [];
    waiting.set(db, hooks);
    const result = await work(db);
    await commit(client);
    usable = true;
    for (const hook of hooks) hook();
    return result;
  } catch (fault) {
    usable = await rollBack(client, fault);
    throw fault;
  } finally {
    client.release(!usable);
  }
};

const MOST_ATTEMPTS = 3;

export const createDatabase = (pool: DatabasePool): Database => ({
  db: drizzle({ client: pool }),
  async inTransaction(work) {
    for (let attempts = 1; ; attempts += 1) {
      try {
        return await attempt(pool, work);
      } catch (fault) {
        if (!isRetryable(fault) || attempts === MOST_ATTEMPTS) throw fault;
      }
    }
  },
});
