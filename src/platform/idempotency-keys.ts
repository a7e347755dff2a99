import { randomUUID } from 'node:crypto';
import { and, eq, isNull, lt, sql } from 'drizzle-orm';
import { idempotencyKeysTable as t } from './idempotency-keys.table.ts';
import type { JobKind } from './jobs.ts';
import type { Db } from './postgres/database.ts';
import { deleteInSteps } from './postgres/steps.ts';

type StoredAnswer = { status: number; headers: Record<string, string>; body: string };

type Claim =
  | { state: 'claimed'; lease: string }
  | { state: 'running' }
  | { state: 'stored'; fingerprint: string; answer: StoredAnswer };

const LEASE = sql`now() + interval '30 seconds'`;
const A_DAY_AGO = sql`now() - interval '24 hours'`;

/** A key is ours when it is new, a day old, or its runner has died. */
const take = async (
  db: Db,
  owner: { user_id: number; key: string },
): Promise<string | undefined> => {
  const lease = randomUUID();
  const fresh = {
    lease,
    leased_until: LEASE,
    created_at: sql`now()`,
    status: null,
    fingerprint: null,
  };
  const [row] = await db
    .insert(t)
    .values({ ...owner, lease, leased_until: LEASE })
    .onConflictDoUpdate({
      target: [t.user_id, t.key],
      set: fresh,
      setWhere: sql`${t.created_at} < ${A_DAY_AGO} or (${t.status} is null and ${t.leased_until} < now())`,
    })
    .returning({ lease: t.lease });
  return row?.lease;
};

export const createIdempotencyKeys = (db: Db) => ({
  async claim({ user_id, key }: { user_id: number; key: string }): Promise<Claim> {
    const lease = await take(db, { user_id, key });
    if (lease) return { state: 'claimed', lease };
    const [row] = await db
      .select()
      .from(t)
      .where(and(eq(t.user_id, user_id), eq(t.key, key)));
    if (!row || row.status === null || row.fingerprint === null) return { state: 'running' };
    const { status, headers, body, fingerprint } = row;
    return {
      state: 'stored',
      fingerprint,
      answer: { status, headers: headers ?? {}, body: body ?? '' },
    };
  },
  async renew(lease: string): Promise<void> {
    await db.update(t).set({ leased_until: LEASE }).where(eq(t.lease, lease));
  },
  async store(lease: string, fingerprint: string, answer: StoredAnswer): Promise<void> {
    await db
      .update(t)
      .set({ fingerprint, ...answer })
      .where(eq(t.lease, lease));
  },
  async release(lease: string): Promise<void> {
    await db.delete(t).where(and(eq(t.lease, lease), isNull(t.status)));
  },
});

export const purgeIdempotencyKeys = (db: Db): JobKind<object> => ({
  name: 'idempotency.purge',
  retry_limit: 2,
  longest_seconds: 300,
  schedule: '41 * * * *',
  run: async () => {
    await deleteInSteps(db, t, lt(t.created_at, A_DAY_AGO));
  },
});
