import type { JobKind } from '#platform/jobs.ts';
import type { BlobStore } from './blob-store.ts';

/** Longer than any upload takes. */
const ABANDONED_MS = 24 * 3_600_000;

/** Uploads whose process died leave staged bytes behind. */
export const sweepStaged = (blobs: BlobStore): JobKind<object> => ({
  name: 'storage.sweep',
  retry_limit: 2,
  longest_seconds: 600,
  schedule: '29 * * * *',
  run: async () => {
    await blobs.sweep({ older_than_ms: ABANDONED_MS });
  },
});
