import type { Database, Db } from '../postgres/database.ts';
import type { EventMetrics } from './event-metrics.ts';
import { createLoop, type Loop } from './loop.ts';
import {
  findBacklog,
  findUnrelayed,
  markRelayed,
  markUnfit,
  type Outgoing,
  takeRelay,
} from './outbox.postgres.ts';
import { countParked } from './inbox.postgres.ts';

type Delivery = {
  /** Positions that need not be sent again. */
  relayed: readonly number[];
  /** Events that cannot be sent as they are, and why. */
  unfit: readonly { position: number; fault: string }[];
};

/** Where relayed events go. */
export interface Outlet {
  /** Whether it is worth while to try. */
  isOpen(): boolean;
  /** Of one aggregate in order; takes a few seconds at most. */
  deliver(db: Db, outgoing: readonly Outgoing[]): Promise<Delivery>;
}

type Deps = {
  database: Database;
  outlet: Outlet;
  metrics: EventMetrics;
  log: { warn(facts: object, said: string): void; error(facts: object, said: string): void };
};

const BATCH = 500;
/** A change of this process wakes its relay: this is how long those of others may wait. */
const IDLE_MS = 500;
const BUSY_MS = 100;
const REFUSED_MS = 250;

const park = async (
  { log }: Deps,
  db: Db,
  { outgoing, unfit }: { outgoing: readonly Outgoing[]; unfit: Delivery['unfit'] },
): Promise<void> => {
  for (const { position, fault } of unfit) {
    await markUnfit(db, position, fault);
    const event = outgoing.find((one) => one.position === position)?.event;
    log.error(
      { event_id: event?.id, event: event?.name, fault },
      'an event cannot be relayed and is parked',
    );
  }
};

/** One batch, in one transaction; answers in how many milliseconds to look for the next. */
const relayBatch = (deps: Deps): Promise<number> =>
  deps.database.inTransaction(async (db) => {
    if (!(await takeRelay(db))) return BUSY_MS;
    const outgoing = await findUnrelayed(db, BATCH);
    if (outgoing.length === 0) return IDLE_MS;
    const { relayed, unfit } = await deps.outlet.deliver(db, outgoing);
    await markRelayed(db, relayed);
    await park(deps, db, { outgoing, unfit });
    deps.metrics.relayed(relayed.length);
    if (relayed.length + unfit.length < outgoing.length) return REFUSED_MS;
    return outgoing.length === BATCH ? 0 : IDLE_MS;
  });

/** Sends on what the outbox holds, whoever wrote it. One process at a time does. */
export const createRelay = (deps: Deps): Loop =>
  createLoop({
    name: 'relay',
    log: deps.log,
    turn: async () => (deps.outlet.isOpen() ? relayBatch(deps) : IDLE_MS),
  });

const LOOK_MS = 5000;

/** Keeps the gauges of what waits. */
export const createBacklogWatch = ({
  database: { db },
  metrics,
  log,
}: Pick<Deps, 'database' | 'metrics' | 'log'>): Loop =>
  createLoop({
    name: 'backlog',
    log,
    turn: async () => {
      const backlog = await findBacklog(db);
      metrics.backlog(backlog, backlog.unfit + (await countParked(db)));
      return LOOK_MS;
    },
  });
