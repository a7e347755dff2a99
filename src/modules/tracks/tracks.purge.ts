import { restorableSince, type Track } from './track.ts';
import type { Deps } from './tracks.ports.ts';

const BATCH = 100;

type Expired = Pick<Track, 'id' | 'sha256' | 'file_path'>;

/** The row first and the bytes last: if the commit fails, uploading the same bytes brings them back. */
const purgeOne = (
  { inTransaction, blobs }: Deps,
  { id, sha256, file_path }: Expired,
): Promise<void> =>
  inTransaction(async ({ tracks }) => {
    await tracks.lockBlob(sha256);
    await tracks.removeOne(id);
    if (await tracks.removeBlobIfUnused(sha256)) await blobs.remove(file_path);
  });

/** Removes tracks that can no longer be restored, and bytes with their last track. Answers how many tracks. */
export const purge =
  (deps: Deps) =>
  async (signal: AbortSignal): Promise<number> => {
    const before = restorableSince(deps.now());
    for (let purged = 0; ;) {
      const expired = await deps.inTransaction(({ tracks }) =>
        tracks.findDeletedBefore(before, BATCH),
      );
      for (const track of expired) {
        if (signal.aborted) return purged;
        await purgeOne(deps, track);
        purged += 1;
      }
      if (expired.length < BATCH) return purged;
    }
  };
