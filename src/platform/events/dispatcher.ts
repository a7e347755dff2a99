import type { Database, Db } from '../postgres/database.ts';
import { isRetryable } from '../postgres/failures.ts';
import { endsTransaction, inSavepoint } from '../postgres/savepoint.ts';
import type { EventConsumer } from './consumer.ts';
import type { EventMetrics } from './event-metrics.ts';
import { handleInTime } from './handling.ts';
import { type Incoming, markDone, markFailed, takeDue } from './inbox.postgres.ts';
import { laneOf } from './lanes.ts';
import { createLoop, type Loop } from './loop.ts';

type Deps = {
  database: Database;
  metrics: EventMetrics;
  log: { warn(facts: object, said: string): void; error(facts: object, said: string): void };
};

const BATCH = 200;
/** After so long a transaction ends, however much is due. */
const TURN_MS = 100;
const IDLE_MS = 500;

const said = (fault: unknown): string => (fault instanceof Error ? fault.message : String(fault));

const settleFailed = async (
  { metrics, log }: Deps,
  db: Db,
  { consumer: { name: consumer }, incoming, fault }: Failure,
): Promise<void> => {
  const isParked = await markFailed(db, { ...incoming, consumer }, said(fault));
  const { id: event_id, name: event } = incoming.event;
  const facts = { err: fault, consumer, event_id, event, attempts: incoming.attempts + 1 };
  if (isParked) log.error(facts, 'an event could not be handled and is parked');
  else log.warn(facts, 'an event could not be handled yet');
  metrics.handled(consumer, isParked ? 'parked' : 'failed');
};

type Failure = { consumer: EventConsumer; incoming: Incoming; fault: unknown };

/** Whether it was handled. What is thrown ended the transaction; every other failure is settled in it. */
const handleOne = async (
  deps: Deps,
  db: Db,
  { consumer, incoming }: Pick<Failure, 'consumer' | 'incoming'>,
): Promise<boolean> => {
  try {
    await inSavepoint(db, () => handleInTime(() => consumer.handle(incoming.event, db)));
    return true;
  } catch (fault) {
    if (endsTransaction(fault)) throw fault;
    await settleFailed(deps, db, { consumer, incoming, fault });
    return false;
  }
};

type Turn = { taken: number; done: number };

/** Handles what is due in one transaction; `begins` is told of each event. */
const handleDue = async (
  deps: Deps,
  db: Db,
  { consumer, begins }: { consumer: EventConsumer; begins: (incoming: Incoming) => void },
): Promise<Turn> => {
  const until = performance.now() + TURN_MS;
  const due = await takeDue(db, consumer.name, BATCH);
  const done: number[] = [];
  const blocked = new Set<string>();
  for (const incoming of due) {
    const lane = laneOf(incoming.event);
    if (blocked.has(lane)) continue;
    begins(incoming);
    if (await handleOne(deps, db, { consumer, incoming })) done.push(incoming.id);
    else blocked.add(lane);
    if (performance.now() > until) break;
  }
  await markDone(db, consumer.name, done);
  return { taken: due.length, done: done.length };
};

const dispatch = async (deps: Deps, consumer: EventConsumer): Promise<number> => {
  let current: Incoming | undefined;
  const begins = (incoming: Incoming) => void (current = incoming);
  try {
    const { taken, done } = await deps.database.inTransaction((db) => {
      current = undefined;
      return handleDue(deps, db, { consumer, begins });
    });
    if (done > 0) deps.metrics.handled(consumer.name, 'done', done);
    return taken > 0 ? 0 : IDLE_MS;
  } catch (fault) {
    const incoming = current;
    if (!incoming || isRetryable(fault)) throw fault;
    await deps.database.inTransaction((db) =>
      settleFailed(deps, db, { consumer, incoming, fault }),
    );
    return 0;
  }
};

/** Tells a consumer what is due to it, here and in other processes side by side. */
export const createDispatcher = (deps: Deps, consumer: EventConsumer): Loop =>
  createLoop({
    name: `consumer ${consumer.name}`,
    log: deps.log,
    turn: () => dispatch(deps, consumer),
  });
