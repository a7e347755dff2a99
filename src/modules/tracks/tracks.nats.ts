import {
  TrackFailedSchema,
  TrackPlayedSchema,
  TrackReadySchema,
  TrackRemovedSchema,
  TrackRestoredSchema,
  TrackUpdatedSchema,
  TrackUploadedSchema,
} from '#proto/veza/events/v1/tracks_pb.ts';
import { trackEvents as e } from './tracks.events.ts';

/** How each fact of this module is written on the wire. */
export const trackMessages = [
  [e.uploaded, TrackUploadedSchema],
  [e.ready, TrackReadySchema],
  [e.failed, TrackFailedSchema],
  [e.updated, TrackUpdatedSchema],
  [e.removed, TrackRemovedSchema],
  [e.restored, TrackRestoredSchema],
  [e.played, TrackPlayedSchema],
] as const;
