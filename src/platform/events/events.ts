import type { Registry } from '@prometheus-io/client';
import type { Facts, LiveEvents } from '#kernel/event.ts';
import type { JobKind } from '../jobs.ts';
import { type Database, type Db, onCommit } from '../postgres/database.ts';
import { runForLeadership } from '../postgres/leadership.ts';
import type { Notifications } from '../postgres/notifications.ts';
import type { EventConsumer } from './consumer.ts';
import { createDirectOutlet, followNotifications } from './direct.postgres.ts';
import { createDispatcher } from './dispatcher.ts';
import { createEnvelopes, type EventMessages } from './envelope.ts';
import { createEventMetrics, type EventMetrics } from './event-metrics.ts';
import { purgeInbox } from './inbox.postgres.ts';
import { createLiveHub, type LiveHub } from './live.ts';
import type { Loop } from './loop.ts';
import { createNatsLink, type NatsLink } from './nats-connection.ts';
import { followSubjects } from './nats-live.ts';
import { createNatsOutlet } from './nats-outlet.ts';
import { createNatsReader } from './nats-reader.ts';
import { insertFact, purgeOutbox } from './outbox.postgres.ts';
import { createEventAdministration } from './parked.ts';
import { createBacklogWatch, createRelay, type Outlet } from './relay.ts';

/** Who takes part in events, and how they are written on the wire. */
export type EventParts = { consumers: readonly EventConsumer[]; messages: EventMessages };

type Settings = {
  database_url: string;
  /** Without it, events go from the outbox straight to the consumers of this service. */
  nats_url: string | undefined;
  database: Database;
  notifications: Notifications;
  registry: Registry;
  log: {
    info(said: string): void;
    warn(facts: object, said: string): void;
    error(facts: object, said: string): void;
  };
};

type Health = { status: 'healthy' | 'degraded'; message?: string };

export interface Events {
  /** Facts join the transaction they are recorded in. */
  factsOn: (db: Db) => Facts;
  readonly live: LiveEvents;
  readonly administration: ReturnType<typeof createEventAdministration>;
  /** Of the NATS server; undefined where none is configured. */
  readonly health: (() => Health) | undefined;
  readonly jobs: readonly JobKind<object>[];
  /** Waits for nothing: a server that is not there is looked for meanwhile. */
  start(parts: EventParts): void;
  /** Lets the batch end that is under way. */
  stop(): Promise<void>;
}

/** The way of events from the outbox to whoever follows them. */
type Way = {
  outlet: Outlet;
  /** Of the server between, if there is one. */
  link: NatsLink | undefined;
  end: () => Promise<void>;
};
type WayParts = EventParts & { hub: LiveHub; arrived: () => void };

/** Of `pg_try_advisory_lock`: one reader of the stream at a time, over all processes. */
const READER_LOCK = 7_305_441_904;

const openDirectWay = (settings: Settings, parts: WayParts): Way => {
  followNotifications({ ...settings, ...parts });
  return { outlet: createDirectOutlet(parts), link: undefined, end: async () => undefined };
};

const openNatsWay = (settings: Settings, url: string, parts: WayParts): Way => {
  const { log, database_url } = settings;
  const link = createNatsLink({ url, log });
  const deps = { ...settings, ...parts, link, envelopes: createEnvelopes(parts.messages) };
  followSubjects(deps);
  const lead = createNatsReader(deps);
  const resign = runForLeadership({ url: database_url, key: READER_LOCK, lead, log });
  return { outlet: createNatsOutlet(deps), link, end: resign };
};

const createLoops = (
  settings: Settings & { metrics: EventMetrics },
  outlet: Outlet,
  consumers: readonly EventConsumer[],
) => ({
  relay: createRelay({ ...settings, outlet }),
  watch: createBacklogWatch(settings),
  dispatchers: consumers.map((consumer) => createDispatcher(settings, consumer)),
});

const purging = ({ database: { db } }: Settings): JobKind<object> => ({
  name: 'events.purge',
  retry_limit: 2,
  longest_seconds: 600,
  schedule: '29 * * * *',
  run: async () => {
    await purgeOutbox(db);
    await purgeInbox(db);
  },
});

const wakeAll = (loops: readonly Loop[]): void => {
  for (const loop of loops) loop.wake();
};

const healthOf = (link: NatsLink | undefined): Health =>
  link?.current()
    ? { status: 'healthy' }
    : { status: 'degraded', message: 'The server cannot be reached' };

/** What runs between start and stop. */
type Running = { way: Way; relay: Loop; loops: Loop[]; dispatchers: Loop[] };

const run = (settings: Settings & { metrics: EventMetrics }, parts: WayParts): Running => {
  const { nats_url } = settings;
  const way = nats_url ? openNatsWay(settings, nats_url, parts) : openDirectWay(settings, parts);
  const { relay, watch, dispatchers } = createLoops(settings, way.outlet, parts.consumers);
  way.link?.onUp(relay.wake);
  const loops = [relay, watch, ...dispatchers];
  for (const loop of loops) loop.start();
  return { way, relay, loops, dispatchers };
};

export const createEvents = (settings: Settings): Events => {
  const hub = createLiveHub();
  const metrics = createEventMetrics(settings.registry);
  let running: Running | undefined;
  const released = (): void => wakeAll(running?.loops ?? []);
  const arrived = (): void => wakeAll(running?.dispatchers ?? []);

  return {
    factsOn: (db) => ({
      async record(fact) {
        await insertFact(db, fact);
        onCommit(db, () => running?.relay.wake());
      },
    }),
    live: hub.events,
    administration: createEventAdministration({ ...settings, released }),
    health: settings.nats_url ? () => healthOf(running?.way.link) : undefined,
    jobs: [purging(settings)],
    start(parts) {
      running = run({ ...settings, metrics }, { ...parts, hub, arrived });
    },
    async stop() {
      if (running) {
        const { way, loops } = running;
        await Promise.all([way.end(), ...loops.map((loop) => loop.stop())]);
        await way.link?.close();
      }
      hub.close();
    },
  };
};
