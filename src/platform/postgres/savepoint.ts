import { sql } from 'drizzle-orm';
import { causesOf } from '#kernel/errors.ts';
import type { Db } from './database.ts';
import { isRetryable } from './failures.ts';
import { isUnusable } from './pool.ts';

/** Whether the transaction cannot go on after `fault`. */
export const endsTransaction = (fault: unknown): boolean =>
  isRetryable(fault) || [...causesOf(fault)].some(isUnusable);

/** All of `work` or nothing of it; either way the transaction goes on, unless it cannot. */
export const inSavepoint = async (db: Db, work: () => Promise<void>): Promise<void> => {
  await db.execute(sql`savepoint part`);
  try {
    await work();
    await db.execute(sql`release savepoint part`);
  } catch (fault) {
    if (!endsTransaction(fault)) await db.execute(sql`rollback to savepoint part`);
    throw fault;
  }
};
