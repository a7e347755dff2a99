import { setTimeout as wait } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { sharedErrors } from '#kernel/errors.ts';
import { createDatabase, type Db } from '#platform/postgres/database.ts';
import { createPool } from '#platform/postgres/pool.ts';
import { cloneDatabase, dropDatabase } from '#test/clone.ts';

const POOL = 10;
const ACCOUNTS = 20;
const TOTAL = ACCOUNTS * 100;

const urls = await cloneDatabase(inject('template'));
const pool = createPool({ url: urls.url, max: POOL, min: 0, timeout_ms: 2000 });
const { db, inTransaction } = createDatabase(pool);
const admin = new Client({ connectionString: urls.migration_url });
/** Of the pool's role, which alone sees and ends its connections. */
const peer = new Client({ connectionString: urls.url });
const role = decodeURIComponent(new URL(urls.url).username);

beforeAll(async () => {
  await Promise.all([admin.connect(), peer.connect()]);
  await admin.query('create table balances (id int primary key, balance int not null)');
  await admin.query(`grant select, update on balances to ${admin.escapeIdentifier(role)}`);
});

beforeEach(async () => {
  await admin.query('truncate balances');
  await admin.query(`insert into balances select i, 100 from generate_series(1, ${ACCOUNTS}) i`);
});

afterAll(async () => {
  await pool.end();
  await Promise.all([admin.end(), peer.end()]);
  await dropDatabase(urls);
});

const state = async () => {
  const { rows } = await admin.query(
    'select sum(balance)::int as sum, count(*) filter (where balance <> 100)::int as changed from balances',
  );
  return rows[0] as { sum: number; changed: number };
};

/** Ends the connections of our pool that `condition` picks; answers how many. */
const terminate = async (condition: string): Promise<number> => {
  const { rows } = await peer.query(
    `select count(pg_terminate_backend(pid))::int as ended from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and ${condition}`,
  );
  return rows[0].ended;
};

const change = (on: Db, id: number, by: number) =>
  on.execute(sql`update balances set balance = balance + ${by} where id = ${id}`);

/** Moves ten from one account to another, and waits between the two for whatever comes. */
const transfer = (from: number, between: () => Promise<unknown>): Promise<unknown> =>
  inTransaction(async (on) => {
    await change(on, from, -10);
    await between();
    await change(on, from + POOL, 10);
  });

/** A place to wait at, and whether all transfers have come to it: a backend is idle after its `begin`, too. */
const createHalfWay = () => {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const all = Promise.withResolvers<void>();
  let arrived = 0;
  const wait = (): Promise<void> => {
    arrived += 1;
    if (arrived === POOL) all.resolve();
    return ended;
  };
  return { wait, all: all.promise, end };
};

const settled = (work: Promise<unknown>) =>
  work.then(
    () => 'done' as const,
    () => 'failed' as const,
  );

describe('a transaction whose connection is ended half-way', () => {
  it.each(Array.from({ length: 12 }, (_, round) => round + 1))(
    'is undone, in a full pool with others waiting (round %i)',
    async () => {
      const halfWay = createHalfWay();
      const transfers = Array.from({ length: POOL }, (_, n) =>
        settled(transfer(n + 1, halfWay.wait)),
      );
      await halfWay.all;
      const queued = Array.from({ length: 20 }, () => settled(db.execute(sql`select 1`)));
      expect(pool.waitingCount).toBe(20);
      expect(await terminate(`state = 'idle in transaction'`)).toBe(POOL);
      halfWay.end();
      expect(new Set(await Promise.all(transfers))).toEqual(new Set(['failed']));
      expect(new Set(await Promise.all(queued))).toEqual(new Set(['done']));
      expect(await state()).toEqual({ sum: TOTAL, changed: 0 });
    },
  );

  it('is undone when some are ended and others go on', async () => {
    const halfWay = createHalfWay();
    const transfers = Array.from({ length: POOL }, (_, n) =>
      settled(transfer(n + 1, halfWay.wait)),
    );
    await halfWay.all;
    expect(await terminate(`state = 'idle in transaction' and pid % 2 = 0`)).toBeLessThan(POOL);
    halfWay.end();
    const done = (await Promise.all(transfers)).filter((outcome) => outcome === 'done');
    expect(await state()).toEqual({ sum: TOTAL, changed: 2 * done.length });
  });

  it('refuses a statement after a failed one, and does not tell success', async () => {
    const swallowed = inTransaction(async (on) => {
      await change(on, 1, -10);
      await on.execute(sql`select 1 / 0`).catch(() => undefined);
    });
    expect(await settled(swallowed)).toBe('failed');
    expect(await state()).toEqual({ sum: TOTAL, changed: 0 });
  });
});

it('a refusal within a transaction undoes it, and its connection is used again', async () => {
  const backend = async (on: Db): Promise<unknown> =>
    (await on.execute(sql`select pg_backend_pid() as pid`)).rows[0]?.['pid'];
  const backends = new Set<unknown>();
  for (let times = 0; times < 20; times += 1) {
    const refused = inTransaction(async (on) => {
      backends.add(await backend(on));
      await change(on, 1, -10);
      throw sharedErrors.notFound();
    });
    await expect(refused).rejects.toMatchObject({ code: 'NOT_FOUND' });
  }
  expect(backends.size).toBe(1);
  expect((await state()).changed).toBe(0);
});

it('connections that are ended, idle or busy, a hundred times, end nothing else', async () => {
  const faults: unknown[] = [];
  const note = (fault: unknown) => void faults.push(fault);
  process.on('uncaughtException', note).on('unhandledRejection', note);
  for (let round = 0; round < 100; round += 1) {
    const queries = Array.from({ length: 4 }, () =>
      settled(db.execute(sql`select pg_sleep(0.02)`)),
    );
    if (round % 2 === 0) await Promise.all(queries);
    else await wait(5);
    await terminate(`application_name = 'veza-api'`);
    await Promise.all(queries);
  }
  process.off('uncaughtException', note).off('unhandledRejection', note);
  expect(faults).toEqual([]);
  expect(await settled(db.execute(sql`select 1`))).toBe('done');
});
