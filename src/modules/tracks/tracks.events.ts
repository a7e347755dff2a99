import { z } from 'zod';
import { declareEvent } from '#kernel/event.ts';
import { id } from '#kernel/fields.ts';
import { audioFormats, failureCodes, visibilities } from './track.ts';

const aggregate = 'track';
const owned = { track_id: id(), user_id: id() };
const size_bytes = z.int();

/** Facts about tracks; `user_id` is always the owner's. */
export const trackEvents = {
  uploaded: declareEvent({
    name: 'track.uploaded',
    aggregate,
    payload: z.object({
      ...owned,
      title: z.string(),
      format: z.enum(audioFormats),
      visibility: z.enum(visibilities),
      size_bytes,
    }),
  }),
  ready: declareEvent({
    name: 'track.ready',
    aggregate,
    payload: z.object({ ...owned, title: z.string(), duration_seconds: z.int() }),
  }),
  failed: declareEvent({
    name: 'track.failed',
    aggregate,
    payload: z.object({ ...owned, failure_code: z.enum(failureCodes) }),
  }),
  updated: declareEvent({
    name: 'track.updated',
    aggregate,
    payload: z.object({ ...owned, fields: z.array(z.string()), visibility: z.enum(visibilities) }),
  }),
  removed: declareEvent({
    name: 'track.removed',
    aggregate,
    payload: z.object({ ...owned, size_bytes }),
  }),
  restored: declareEvent({
    name: 'track.restored',
    aggregate,
    payload: z.object({ ...owned, size_bytes }),
  }),
  /** Only plays that count; of a stranger no more is told than that there was one. */
  played: declareEvent({
    name: 'track.played',
    aggregate,
    payload: z.object({ ...owned, listener_id: id().nullable() }),
  }),
};
