import {
  SessionEndedSchema,
  UserLoggedInSchema,
  UserPasswordChangedSchema,
} from '#proto/veza/events/v1/users_pb.ts';
import { authEvents as e } from './auth.events.ts';

/** How each fact of this module is written on the wire. */
export const authMessages = [
  [e.loggedIn, UserLoggedInSchema],
  [e.passwordChanged, UserPasswordChangedSchema],
  [e.sessionEnded, SessionEndedSchema],
] as const;
