import type { CacheTags, Loaded } from '#kernel/cached.ts';
import type { FailureCode, Track } from './track.ts';
import { isForEveryone } from './tracks.policy.ts';
import type { Analysed, Changes, TrackWrites } from './tracks.ports.ts';

const tagOf = (id: number): string => `track:${id}`;

/** Only what everyone may see is kept: it is gone when the track or the account of its owner changes. */
export const shownOf = <V>(value: V, track: Track | undefined): Loaded<V> => ({
  value,
  tags: track && isForEveryone(track) ? [tagOf(track.id), `user:${track.user_id}`] : undefined,
});

/** How many tracks a profile shows hangs on this; the account itself is the same. */
const libraryOf = (user_id: number): string => `library:${user_id}`;

/** Every change of a track tells of it, whichever verb makes it. The owner is known from the lock before. */
export const announcing = (writes: TrackWrites, cache: CacheTags): TrackWrites => {
  const owners = new Map<number, number>();
  const announce = (id: number): Promise<void> => {
    const owner = owners.get(id);
    return cache.invalidate([tagOf(id), ...(owner === undefined ? [] : [libraryOf(owner)])]);
  };
  const telling =
    <A extends unknown[], R>(change: (id: number, ...others: A) => Promise<R>) =>
    async (id: number, ...others: A): Promise<R> => {
      const result = await change(id, ...others);
      await announce(id);
      return result;
    };
  return {
    ...writes,
    async lockOneById(id) {
      const track = await writes.lockOneById(id);
      if (track) owners.set(id, track.user_id);
      return track;
    },
    updateOne: telling((id, changes: Changes) => writes.updateOne(id, changes)),
    setDeleted: telling((id, at: Date | null) => writes.setDeleted(id, at)),
    setProcessing: telling((id) => writes.setProcessing(id)),
    setReady: telling((id, found: Analysed, peaks: number[] | null) =>
      writes.setReady(id, found, peaks),
    ),
    setFailed: telling((id, code: FailureCode) => writes.setFailed(id, code)),
    removeOne: telling((id) => writes.removeOne(id)),
  };
};
