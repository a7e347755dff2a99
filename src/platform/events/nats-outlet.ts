import { jetstream, type JetStreamClient } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { EventRecord } from '#kernel/event.ts';
import type { Envelopes } from './envelope.ts';
import { sendInLanes } from './lanes.ts';
import type { NatsLink } from './nats-connection.ts';
import { CALL_MS, ensureStream, subjectOf } from './nats-stream.ts';
import type { Outgoing } from './outbox.postgres.ts';
import type { Outlet } from './relay.ts';

type Log = { warn(facts: object, said: string): void };
type Deps = { link: NatsLink; envelopes: Envelopes; log: Log };

/** The relay holds a transaction meanwhile. */
const LONGEST_MS = 3000;

/** Those that can be written, and why the others cannot. */
const encodeAll = (envelopes: Envelopes, outgoing: readonly Outgoing[]) => {
  const encoded = new Map<number, Uint8Array>();
  const unfit: { position: number; fault: string }[] = [];
  for (const { position, event } of outgoing)
    try {
      encoded.set(position, envelopes.encode(event));
    } catch (fault) {
      unfit.push({ position, fault: fault instanceof Error ? fault.message : String(fault) });
    }
  return { encoded, unfit };
};

const publish = async (
  client: JetStreamClient,
  event: EventRecord,
  bytes: Uint8Array,
): Promise<void> => {
  await client.publish(subjectOf(event), bytes, { msgID: event.id, timeout: CALL_MS });
};

/** Publishes and waits for the acknowledgement of each event; what is not acknowledged is sent again later. */
export const createNatsOutlet = ({ link, envelopes, log }: Deps): Outlet => {
  /** The connection on which the stream was seen. */
  let seenOn: NatsConnection | undefined;
  link.onDown(() => (seenOn = undefined));

  const prepare = async (connection: NatsConnection): Promise<JetStreamClient> => {
    if (seenOn !== connection) await ensureStream(connection);
    seenOn = connection;
    return jetstream(connection, { timeout: CALL_MS });
  };

  const sendAll = async (
    connection: NatsConnection,
    fit: readonly Outgoing[],
    encoded: ReadonlyMap<number, Uint8Array>,
  ): Promise<number[]> => {
    const client = await prepare(connection);
    const until = performance.now() + LONGEST_MS;
    let isRefused = false;
    return sendInLanes(fit, async ({ position, event }) => {
      const bytes = encoded.get(position);
      if (!bytes || isRefused || performance.now() > until) return false;
      try {
        await publish(client, event, bytes);
        return true;
      } catch (fault) {
        if (!isRefused) log.warn({ err: fault, event_id: event.id }, 'NATS refused an event');
        isRefused = true;
        seenOn = undefined;
        return false;
      }
    });
  };

  return {
    isOpen: () => link.current() !== undefined,
    async deliver(_db, outgoing) {
      const { encoded, unfit } = encodeAll(envelopes, outgoing);
      const connection = link.current();
      if (!connection) return { relayed: [], unfit };
      const fit = outgoing.filter(({ position }) => encoded.has(position));
      return { relayed: await sendAll(connection, fit, encoded), unfit };
    },
  };
};
