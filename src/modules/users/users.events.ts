import { z } from 'zod';
import { declareEvent } from '#kernel/event.ts';
import { id } from '#kernel/fields.ts';

const aggregate = 'user';

/** Facts about accounts; what is personal stays out of them. */
export const userEvents = {
  registered: declareEvent({
    name: 'user.registered',
    aggregate,
    payload: z.object({ user_id: id(), username: z.string() }),
  }),
  profileUpdated: declareEvent({
    name: 'user.profile_updated',
    aggregate,
    payload: z.object({ user_id: id(), fields: z.array(z.string()) }),
  }),
};
