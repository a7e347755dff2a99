import { setTimeout as wait } from 'node:timers/promises';
import { type ConsumerMessages, DeliverPolicy, jetstream, type JsMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { EventRecord } from '#kernel/event.ts';
import { type Database, type Db, onCommit } from '../postgres/database.ts';
import type { EventConsumer } from './consumer.ts';
import type { Envelopes } from './envelope.ts';
import { advancePosition, findPosition, insertArrivals, type Position } from './inbox.postgres.ts';
import type { NatsLink } from './nats-connection.ts';
import { CALL_MS, ensureStream, STREAM } from './nats-stream.ts';

type Deps = {
  link: NatsLink;
  database: Database;
  envelopes: Envelopes;
  consumers: readonly EventConsumer[];
  /** Called when events have come in. */
  arrived: () => void;
  log: { warn(facts: object, said: string): void; error(facts: object, said: string): void };
};

const BATCH = 500;

const eventsIn = ({ envelopes, log }: Deps, messages: readonly JsMsg[]): EventRecord[] =>
  messages.flatMap((message) => {
    try {
      return [envelopes.decode(message.data)];
    } catch (fault) {
      const { subject, seq: sequence } = message;
      log.error({ err: fault, subject, sequence }, 'a message on an event subject is none');
      return [];
    }
  });

/** The events and how far they reach, in one transaction: each is noted once, in order, by whoever leads. */
const note = async (
  deps: Deps,
  db: Db,
  { events, from, to }: { events: EventRecord[]; from: Position | undefined; to: Position },
): Promise<void> => {
  if (!(await advancePosition(db, STREAM, { from, to })))
    throw new Error('The stream is read by another process');
  await insertArrivals(db, deps.consumers, events);
  onCommit(db, deps.arrived);
};

/** Notes messages as they come, many at once when many are there. */
const noteAll = async (
  deps: Deps,
  messages: ConsumerMessages,
  { stored, created }: { stored: Position | undefined; created: string },
): Promise<void> => {
  let from = stored;
  let unread: JsMsg[] = [];
  for await (const message of messages) {
    unread.push(message);
    if (unread.length < BATCH && messages.getPending() > 0) continue;
    const step = { from, to: { created, sequence: message.seq }, events: eventsIn(deps, unread) };
    await deps.database.inTransaction((db) => note(deps, db, step));
    from = step.to;
    unread = [];
  }
};

/** From where reading stopped; from the beginning when the stream was made anew meanwhile. */
const open = async (deps: Deps, connection: NatsConnection) => {
  const { created } = await ensureStream(connection);
  const stored = await findPosition(deps.database.db, STREAM);
  const opt_start_seq = stored?.created === created ? stored.sequence + 1 : 1;
  const client = jetstream(connection, { timeout: CALL_MS });
  const consumer = await client.consumers.get(STREAM, {
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq,
  });
  return { messages: await consumer.consume({ max_messages: BATCH }), stored, created };
};

const CHECK_MS = 5000;

/** Whether the stream is no longer the one that is being read. */
const isReplaced = (connection: NatsConnection, created: string): Promise<boolean> =>
  ensureStream(connection).then(
    (stream) => stream.created !== created,
    () => true,
  );

/** Until `signal` aborts or the stream is replaced. */
const read = async (deps: Deps, connection: NatsConnection, signal: AbortSignal): Promise<void> => {
  const { messages, ...state } = await open(deps, connection);
  const end = (): void => void messages.close();
  const timer = setInterval(() => {
    void isReplaced(connection, state.created).then((replaced) => replaced && end());
  }, CHECK_MS);
  signal.addEventListener('abort', end, { once: true });
  try {
    if (!signal.aborted) await noteAll(deps, messages, state);
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', end);
    await messages.close();
  }
};

const AGAIN_MS = 500;

/**
 * Reads the stream into the inbox until `signal` aborts; one process at a time does. The position is kept in
 * the database and not in the stream's server, so that a batch whose reader died is read again before what
 * came after it.
 */
export const createNatsReader = (deps: Deps) => {
  let lost = new AbortController();
  deps.link.onDown(() => {
    lost.abort();
    lost = new AbortController();
  });
  return async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const connection = deps.link.current();
      const until = AbortSignal.any([signal, lost.signal]);
      if (connection)
        await read(deps, connection, until).catch((fault: unknown) => {
          if (!until.aborted) deps.log.warn({ err: fault }, 'the event stream cannot be read');
        });
      await wait(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  };
};
