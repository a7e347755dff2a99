import type { EventRecord } from '#kernel/event.ts';
import { authEvents } from '#modules/auth/auth.events.ts';
import { trackEvents } from '#modules/tracks/tracks.events.ts';
import { userEvents } from '#modules/users/users.events.ts';
import type { DailyMeasure, Measure } from './measure.ts';

type Counting = { measure: Measure; amountOf: (event: EventRecord) => number };

const none = (): number => 0;

const countings: Readonly<Record<string, Counting>> = {
  [userEvents.registered.event_name]: { measure: 'registrations', amountOf: none },
  [authEvents.loggedIn.event_name]: { measure: 'logins', amountOf: none },
  [trackEvents.uploaded.event_name]: {
    measure: 'uploads',
    amountOf: (event) => trackEvents.uploaded.payloadOf(event).size_bytes,
  },
  [trackEvents.removed.event_name]: {
    measure: 'removals',
    amountOf: (event) => trackEvents.removed.payloadOf(event).size_bytes,
  },
  [trackEvents.ready.event_name]: {
    measure: 'tracks_ready',
    amountOf: (event) => trackEvents.ready.payloadOf(event).duration_seconds,
  },
  [trackEvents.failed.event_name]: { measure: 'tracks_failed', amountOf: none },
  [trackEvents.played.event_name]: { measure: 'plays', amountOf: none },
};

/** The names of the events that are counted. */
export const counted = Object.keys(countings);

/** What an event adds to its day. */
export const measureOf = (event: EventRecord): DailyMeasure | undefined => {
  const counting = countings[event.name];
  if (!counting) return undefined;
  const { measure, amountOf } = counting;
  return { day: event.occurred_at.slice(0, 10), measure, total: 1, amount: amountOf(event) };
};
