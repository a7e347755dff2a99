import type { AuditTrail } from '#modules/audit/audit.events.ts';
import type { AudioAnalysis } from '#platform/audio/analysis.ts';
import { contentTypeOf } from '#platform/audio/audio.ts';
import { sniffAudio } from '#platform/audio/sniff.ts';
import type { Jobs } from '#platform/jobs.ts';
import type { Database, Db } from '#platform/postgres/database.ts';
import { type BlobStore, contentKey } from '#platform/storage/blob-store.ts';
import type { createStreamSignatures } from '#platform/stream-signatures.ts';
import { PROCESS, processTrack, purgeTracks } from './tracks.job.ts';
import { registerStream } from './tracks.http.ts';
import type { Deps, Texts, Users } from './tracks.ports.ts';
import { createPlayStore, createTrackReads, createTrackWrites } from './tracks.postgres.ts';
import { createTracksRouter } from './tracks.router.ts';
import { createTracksService } from './tracks.service.ts';

type Outside = Pick<
  Deps,
  'fingerprint' | 'meter' | 'limits' | 'quota_bytes' | 'request_timeout_ms' | 'now'
> & {
  database: Database;
  blobs: BlobStore;
  jobs: Jobs;
  analysis: AudioAnalysis;
  streamUrls: ReturnType<typeof createStreamSignatures>;
  users: Users;
  texts: Texts;
  auditOn: (db: Db) => AuditTrail;
};

export const createTracksModule = (outside: Outside) => {
  const { database, jobs, auditOn } = outside;
  const service = createTracksService({
    ...outside,
    tracks: createTrackReads(database.db),
    plays: createPlayStore(database.db),
    recognition: { formatOf: sniffAudio, contentTypeOf, keyOf: contentKey },
    inTransaction: (work) =>
      database.inTransaction((db) =>
        work({
          tracks: createTrackWrites(db),
          queue: { process: (track_id) => jobs.enqueue(db, PROCESS, { track_id }) },
          audit: auditOn(db),
        }),
      ),
  });
  return {
    service,
    router: createTracksRouter(service),
    jobs: [processTrack(service), purgeTracks(service)],
    registerHttp: (app: Parameters<typeof registerStream>[0]) => registerStream(app, service),
  };
};
