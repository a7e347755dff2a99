import { z } from 'zod';
import { id } from '#kernel/fields.ts';

/** `lastEventId` is that of the last event a subscriber got: what came after it is told first. */
export const eventsInput = z
  .strictObject({
    room_ids: z
      .array(id())
      .max(100)
      .optional()
      .describe('Rooms to hear of; by default all that you are in, or come to'),
    lastEventId: z.string().max(20_000).optional(),
  })
  .prefault({});
