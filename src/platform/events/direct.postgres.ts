import { sql } from 'drizzle-orm';
import { onCommit, type Database, type Db } from '../postgres/database.ts';
import type { Notifications } from '../postgres/notifications.ts';
import type { EventConsumer } from './consumer.ts';
import { insertArrivals } from './inbox.postgres.ts';
import type { LiveHub } from './live.ts';
import { findManyByPosition } from './outbox.postgres.ts';
import type { Outlet } from './relay.ts';

/** Relayed positions are told of on this channel, as `12 13 14`, when the relay commits. */
export const EVENTS_CHANNEL = 'veza_events';

/** So many positions fit into the 8000 bytes of a notification. */
const MOST_TOLD = 400;

const announce = async (db: Db, positions: readonly number[]): Promise<void> => {
  for (let start = 0; start < positions.length; start += MOST_TOLD) {
    const told = positions.slice(start, start + MOST_TOLD).join(' ');
    await db.execute(sql`select pg_notify(${EVENTS_CHANNEL}, ${told})`);
  }
};

type Deps = { consumers: readonly EventConsumer[]; arrived: () => void };

/** From the outbox straight into the inbox: one transaction, so that nothing is lost or sent twice. */
export const createDirectOutlet = ({ consumers, arrived }: Deps): Outlet => ({
  isOpen: () => true,
  async deliver(db, outgoing) {
    const relayed = outgoing.map(({ position }) => position);
    await insertArrivals(
      db,
      consumers,
      outgoing.map(({ event }) => event),
    );
    await announce(db, relayed);
    onCommit(db, arrived);
    return { relayed, unfit: [] };
  },
});

type Source = {
  database: Database;
  notifications: Notifications;
  hub: LiveHub;
  log: { warn(facts: object, said: string): void };
};

/** Feeds the readers of this process with what any process has relayed. */
export const followNotifications = ({ database, notifications, hub, log }: Source): void => {
  let reading = Promise.resolve();
  const read = async (positions: readonly number[]): Promise<void> => {
    for (const event of await findManyByPosition(database.db, positions)) hub.publish(event);
  };
  notifications.on(EVENTS_CHANNEL, (payload) => {
    if (!hub.hasReaders()) return;
    const positions = payload.split(' ').map(Number);
    reading = reading
      .then(() => read(positions))
      .catch((fault: unknown) => {
        log.warn({ err: fault }, 'live events lost');
        hub.interrupt();
      });
  });
  notifications.onGap(hub.interrupt);
};
