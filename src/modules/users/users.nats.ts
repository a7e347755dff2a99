import { UserProfileUpdatedSchema, UserRegisteredSchema } from '#proto/veza/events/v1/users_pb.ts';
import { userEvents as e } from './users.events.ts';

/** How each fact of this module is written on the wire. */
export const userMessages = [
  [e.registered, UserRegisteredSchema],
  [e.profileUpdated, UserProfileUpdatedSchema],
] as const;
