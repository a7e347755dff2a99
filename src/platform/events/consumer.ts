import type { EventRecord } from '#kernel/event.ts';
import type { Db } from '../postgres/database.ts';

/** Whoever acts on events. Of one aggregate they come in order, of several in any. */
export type EventConsumer = {
  /** For ever the same: what was handled is remembered under it. */
  name: string;
  /** The names of the events it is told of. */
  events: readonly string[];
  /**
   * Its effects belong into `db`, whose transaction also notes that the event was handled: so they happen
   * once. A throw is tried again later, five times in all; so is what takes longer than five seconds.
   */
  handle: (event: EventRecord, db: Db) => Promise<void>;
};
