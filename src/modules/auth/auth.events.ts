import { z } from 'zod';
import { declareEvent } from '#kernel/event.ts';
import { id } from '#kernel/fields.ts';
import { sessionEnds } from './session.ts';

export const authEvents = {
  loggedIn: declareEvent({
    name: 'user.logged_in',
    aggregate: 'user',
    payload: z.object({ user_id: id(), session_id: id() }),
  }),
  passwordChanged: declareEvent({
    name: 'user.password_changed',
    aggregate: 'user',
    payload: z.object({ user_id: id() }),
  }),
  sessionEnded: declareEvent({
    name: 'session.ended',
    aggregate: 'session',
    payload: z.object({ session_id: id(), user_id: id(), ended_by: z.enum(sessionEnds) }),
  }),
};
