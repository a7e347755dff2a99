import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { EventRecord } from '#kernel/event.ts';
import { authEvents } from '#modules/auth/auth.events.ts';
import { authMessages } from '#modules/auth/auth.nats.ts';
import { trackEvents } from '#modules/tracks/tracks.events.ts';
import { trackMessages } from '#modules/tracks/tracks.nats.ts';
import { userEvents } from '#modules/users/users.events.ts';
import { userMessages } from '#modules/users/users.nats.ts';
import { createEnvelopes } from '#platform/events/envelope.ts';

const messages = [...userMessages, ...authMessages, ...trackMessages];
const envelopes = createEnvelopes(messages);
const cause = { request_id: 'r-1' };
const owned = { track_id: 5, user_id: 3 };

/** One fact of each kind, with numbers that a float could not carry. */
const facts = [
  userEvents.registered(3, { user_id: 3, username: 'nina' }, cause),
  userEvents.profileUpdated(3, { user_id: 3, fields: ['bio', 'links'] }, cause),
  authEvents.loggedIn(3, { user_id: 3, session_id: 2 ** 53 - 1 }, cause),
  authEvents.passwordChanged(3, { user_id: 3 }, cause),
  authEvents.sessionEnded(8, { session_id: 8, user_id: 3, ended_by: 'logout' }, cause),
  trackEvents.uploaded(
    5,
    { ...owned, title: 'É', format: 'mp3', visibility: 'public', size_bytes: 2 ** 40 },
    cause,
  ),
  trackEvents.ready(5, { ...owned, title: '', duration_seconds: 0 }, undefined),
  trackEvents.failed(5, { ...owned, failure_code: 'AUDIO_TOO_LONG' }, undefined),
  trackEvents.updated(5, { ...owned, fields: [], visibility: 'private' }, cause),
  trackEvents.removed(5, { ...owned, size_bytes: 1 }, cause),
  trackEvents.restored(5, { ...owned, size_bytes: 1 }, cause),
  trackEvents.played(5, { ...owned, listener_id: null }, cause),
  trackEvents.played(5, { ...owned, listener_id: 7 }, cause),
];

const recorded = (fact: (typeof facts)[number]): EventRecord => ({
  ...fact,
  id: randomUUID(),
  occurred_at: '2026-01-15T10:30:00.120Z',
});

describe('an envelope', () => {
  it.each(facts.map((fact) => [fact.name, fact] as const))('carries %s as it is', (_name, fact) => {
    const event = recorded(fact);
    expect(envelopes.decode(envelopes.encode(event))).toEqual(event);
  });

  it('is known for every kind of event that is declared', () => {
    const declared = [userEvents, authEvents, trackEvents].flatMap((events) =>
      Object.values(events).map(({ event_name }) => event_name),
    );
    expect(messages.map(([{ event_name }]) => event_name).sort()).toEqual(declared.sort());
    expect(new Set(facts.map(({ name }) => name))).toEqual(new Set(declared));
  });

  it.each([
    ['of an unknown event', { name: 'track.sung' }],
    ['of another version', { version: 2 }],
    ['with a field that its message has not', { payload: { track_id: 1, mood: 'blue' } }],
    ['with text for a number', { payload: { track_id: 'one' } }],
  ])('is refused for a payload %s', (_what, change) => {
    const event = recorded(trackEvents.played(5, { ...owned, listener_id: null }, cause));
    expect(() => envelopes.encode({ ...event, ...change })).toThrow();
  });
});
