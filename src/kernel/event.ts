import type { z } from 'zod';
import type { Origin } from './actor.ts';
import { refusal } from './errors.ts';

/** What an event is about: the events of one aggregate come in the order in which they happened. */
export type Aggregate = { type: string; id: number };

/** Something that has happened, as everybody is told of it. The same one may come twice: its id tells. */
export type EventRecord = {
  /** UUID. */
  id: string;
  /** `<domain>.<event>`, like `track.ready`. */
  name: string;
  /** Of the payload. */
  version: number;
  aggregate: Aggregate;
  occurred_at: string;
  /** Of the request that caused it; empty for work that nobody asked for. */
  request_id: string;
  payload: Record<string, unknown>;
};

/** An event that is about to be written down. */
export type Fact = Omit<EventRecord, 'id' | 'occurred_at'>;

/** Bound to a transaction: what is recorded is told of when the change commits, and never otherwise. */
export interface Facts {
  record(fact: Fact): Promise<void>;
}

export type EventFilter = {
  names?: readonly string[];
  aggregate?: Aggregate;
};

/** Events as they are relayed, from the call of `subscribe` on and by whichever process they were caused. */
export interface LiveEvents {
  /**
   * Ends when `signal` aborts. Throws EVENTS_MISSED as soon as an event may have been lost, because the
   * reader was too slow or the way here was interrupted: read the state again, and subscribe again.
   */
  subscribe(filter: EventFilter, signal: AbortSignal): AsyncIterable<EventRecord>;
}

export const eventErrors = {
  missed: refusal('unavailable', 'EVENTS_MISSED', 'Some events were missed; subscribe again'),
};

type Declared<P extends z.ZodObject> = {
  name: `${string}.${string}`;
  version?: number;
  /** The type of the aggregate. */
  aggregate: string;
  payload: P;
};

/** Where a fact comes from; undefined for work that nobody asked for. */
type Cause = Pick<Origin, 'request_id'> | undefined;

/** A kind of event: callable to state a fact, and data that consumers and encoders read. */
export const declareEvent = <P extends z.ZodObject>({
  name,
  version = 1,
  aggregate: type,
  payload: schema,
}: Declared<P>) => {
  const state = (id: number, payload: z.input<P>, cause: Cause): Fact => ({
    name,
    version,
    aggregate: { type, id },
    request_id: cause?.request_id ?? '',
    payload,
  });
  return Object.assign(state, {
    /** The name of a function cannot be assigned to. */
    event_name: name,
    version,
    payloadOf: (event: EventRecord): z.output<P> => schema.parse(event.payload),
  });
};
