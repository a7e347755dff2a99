import type { EventRecord } from '#kernel/event.ts';
import { sharedErrors } from '#kernel/errors.ts';
import type { Database } from '../postgres/database.ts';
import { findParked, releaseParked } from './inbox.postgres.ts';
import { findUnfit, markForReplay, releaseUnfit, type ReplayFilter } from './outbox.postgres.ts';

/** An event that waits for somebody: it could not be relayed, or a consumer could not handle it. */
export type Parked = {
  /** Opaque. */
  id: string;
  /** Null when it could not be relayed. */
  consumer: string | null;
  event: EventRecord;
  attempts: number;
  last_error: string | null;
};

type Deps = {
  database: Database;
  /** Called when there is something to relay or to handle again. */
  released: () => void;
};

const listParked = async ({ database: { db } }: Deps, limit: number): Promise<Parked[]> => {
  const [unfit, parked] = await Promise.all([findUnfit(db, limit), findParked(db, limit)]);
  const outgoing = unfit.map(({ position, event, fault }) => ({
    id: `outbox:${position}`,
    consumer: null,
    event,
    attempts: 1,
    last_error: fault,
  }));
  const incoming = parked.map(({ id, ...arrival }) => ({ ...arrival, id: `inbox:${id}` }));
  return [...outgoing, ...incoming].slice(0, limit);
};

const releaseOne = ({ database: { db } }: Deps, id: string): Promise<number> => {
  const [, where, number] = /^(outbox|inbox):(\d{1,15})$/.exec(id) ?? [];
  if (where === undefined) throw sharedErrors.notFound();
  return where === 'outbox' ? releaseUnfit(db, Number(number)) : releaseParked(db, Number(number));
};

/** For administrators: what waits, and trying it again. */
export const createEventAdministration = (deps: Deps) => {
  const { db } = deps.database;
  const released = <T>(result: T): T => {
    deps.released();
    return result;
  };
  return {
    /** The longest parked first. */
    parked: ({ limit }: { limit: number }): Promise<Parked[]> => listParked(deps, limit),
    /** Tries a parked event again; of its aggregate, later ones may have been handled meanwhile. */
    async replayParked(id: string): Promise<void> {
      if ((await releaseOne(deps, id)) === 0) throw sharedErrors.notFound();
      deps.released();
    },
    /** Tries all that are parked again, and answers how many. */
    replayAllParked: async (): Promise<number> =>
      released((await releaseUnfit(db)) + (await releaseParked(db))),
    /** Relays events of the last day again, and answers how many. What was handled is not handled twice. */
    replay: async (which: ReplayFilter): Promise<number> =>
      released(await markForReplay(db, which)),
  };
};
