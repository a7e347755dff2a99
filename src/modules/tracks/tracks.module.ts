import type { Facts } from '#kernel/event.ts';
import type { AuditTrail } from '#modules/audit/audit.events.ts';
import type { Cache } from '#platform/cache/cache.ts';
import type { AudioAnalysis } from '#platform/audio/analysis.ts';
import { contentTypeOf } from '#platform/audio/audio.ts';
import { sniffAudio } from '#platform/audio/sniff.ts';
import type { Jobs } from '#platform/jobs.ts';
import type { Database, Db } from '#platform/postgres/database.ts';
import { type BlobStore, contentKey } from '#platform/storage/blob-store.ts';
import type { createStreamSignatures } from '#platform/stream-signatures.ts';
import type { Track } from './track.ts';
import { PROCESS, processTrack, purgeTracks } from './tracks.job.ts';
import { createStreamGrpc } from './tracks.grpc.ts';
import { registerStream } from './tracks.http.ts';
import { trackMessages } from './tracks.nats.ts';
import type { Deps, Texts, Users } from './tracks.ports.ts';
import { announcing } from './tracks.shown.ts';
import { createPlayStore, createTrackReads, createTrackWrites } from './tracks.postgres.ts';
import { createTracksRouter } from './tracks.router.ts';
import { createTracksService } from './tracks.service.ts';

type Outside = Pick<
  Deps,
  'fingerprint' | 'meter' | 'live' | 'limits' | 'quota_bytes' | 'request_timeout_ms' | 'now'
> & {
  database: Database;
  blobs: BlobStore;
  jobs: Jobs;
  analysis: AudioAnalysis;
  streamUrls: ReturnType<typeof createStreamSignatures>;
  users: Users;
  texts: Texts;
  auditOn: (db: Db) => AuditTrail;
  factsOn: (db: Db) => Facts;
  cache: Cache;
};

const SECOND_MS = 1000;

/** As old as counters may be while a track is read all the time; two minutes otherwise. */
const times = { floor_ms: 30 * SECOND_MS, ceiling_ms: 120 * SECOND_MS, stale_ms: 90 * SECOND_MS };

const createCached = (cache: Cache) => ({
  shown: cache.kind<Track | undefined>({ name: 'track', schema: 1, ...times }),
  waveforms: cache.kind<number[] | null>({ name: 'waveform', schema: 1, ...times }),
});

export const createTracksModule = (outside: Outside) => {
  const { database, jobs, auditOn, factsOn, cache } = outside;
  const service = createTracksService({
    ...outside,
    tracks: createTrackReads(database.db),
    ...createCached(cache),
    recognition: { formatOf: sniffAudio, contentTypeOf, keyOf: contentKey },
    inTransaction: (work) =>
      database.inTransaction((db) =>
        work({
          tracks: announcing(createTrackWrites(db), cache.tagsOn(db)),
          plays: createPlayStore(db),
          queue: {
            process: async (track_id) => void (await jobs.enqueue(db, PROCESS, { track_id })),
          },
          audit: auditOn(db),
          facts: factsOn(db),
        }),
      ),
  });
  return {
    service,
    router: createTracksRouter(service),
    messages: trackMessages,
    jobs: [processTrack(service), purgeTracks(service)],
    grpc: createStreamGrpc(service),
    registerHttp: (app: Parameters<typeof registerStream>[0]) => registerStream(app, service),
  };
};
