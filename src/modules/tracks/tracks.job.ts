import type { JobKind } from '#platform/jobs.ts';
import type { TracksService } from './tracks.service.ts';

export const PROCESS = 'tracks.process';

/** Tags take ten seconds of CPU at most and peaks two minutes; four times that when the machine is busy. */
const LONGEST_SECONDS = 600;

export const processTrack = (tracks: TracksService): JobKind<{ track_id: number }> => ({
  name: PROCESS,
  retry_limit: 3,
  longest_seconds: LONGEST_SECONDS,
  run: ({ data, signal }) => tracks.process(data.track_id, signal),
  gaveUp: ({ track_id }) => tracks.giveUp(track_id),
});

export const purgeTracks = (tracks: TracksService): JobKind<object> => ({
  name: 'tracks.purge',
  retry_limit: 3,
  longest_seconds: LONGEST_SECONDS,
  schedule: '17 3 * * *',
  run: async ({ signal }) => {
    await tracks.purge(signal);
  },
});
