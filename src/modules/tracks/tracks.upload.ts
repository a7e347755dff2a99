import type { Member, Origin } from '#kernel/actor.ts';
import { withDeadline } from '#kernel/deadline.ts';
import { invalidFields } from '#kernel/errors.ts';
import type { IncomingForm } from '#kernel/upload.ts';
import { type AudioFormat, type Track, titleFrom, trackErrors } from './track.ts';
import { trackEvents } from './tracks.events.ts';
import type {
  Blobs,
  Changes,
  Deps,
  NewTrack,
  StagedBlob,
  TrackStores,
  TrackWrites,
} from './tracks.ports.ts';
import { vetted } from './tracks.texts.ts';

export type Uploaded = { track: Track; duplicate: boolean };

type Arrived = { staged: StagedBlob; filename: string };

/** Before any byte is taken; the transaction that adds the track decides. */
const assertRoom = async (
  { users, quota_bytes }: Deps,
  actor: Member,
  declared_bytes = 0,
): Promise<void> => {
  const used = await users.storageOf(actor.user_id);
  if (used + declared_bytes > quota_bytes) throw trackErrors.quotaExceeded();
};

/** A form is at most this much larger than its file. */
const FORM_OVERHEAD_BYTES = 64 * 1024;

const recognise = ({ recognition }: Deps, { size_bytes, head }: StagedBlob): AudioFormat => {
  if (size_bytes === 0) throw invalidFields([{ field: 'file', message: 'Is empty' }]);
  const format = recognition.formatOf(head);
  if (!format) throw trackErrors.unsupported();
  return format;
};

const describe = (
  deps: Deps,
  { staged, filename }: Arrived,
  { user_id, fields }: { user_id: number; fields: Changes },
): NewTrack => {
  const { recognition } = deps;
  const format = recognise(deps, staged);
  return {
    ...fields,
    title: fields.title ?? titleFrom(filename),
    user_id,
    file_path: recognition.keyOf(staged.sha256),
    original_filename: filename.slice(0, 255),
    format,
    content_type: recognition.contentTypeOf(format, staged.head),
    size_bytes: staged.size_bytes,
    sha256: staged.sha256,
  };
};

/** Removes bytes that no track has; the caller holds their lock. */
const removeUnused = async (
  blobs: Blobs,
  tracks: TrackWrites,
  { sha256, file_path }: NewTrack,
): Promise<void> => {
  if (!(await tracks.hasBlob(sha256))) await blobs.remove(file_path);
};

type Addition = { track: NewTrack; publish: () => Promise<void>; origin: Origin };

/** The bytes are in place before their row is; only those who bring the same ones wait for the disk. */
const add = async (
  { blobs, quota_bytes, now }: Deps,
  { tracks, queue, audit, facts }: TrackStores,
  { track, publish, origin }: Addition,
): Promise<Uploaded> => {
  const { user_id, sha256, size_bytes } = track;
  await tracks.lockBlob(sha256);
  const existing = await tracks.findLiveBySha256(user_id, sha256);
  if (existing) return { track: existing, duplicate: true };
  await publish();
  try {
    await tracks.changeUsage(user_id, size_bytes, quota_bytes);
  } catch (refused) {
    await removeUnused(blobs, tracks, track);
    throw refused;
  }
  await tracks.ensureBlob(sha256, size_bytes);
  const added = await tracks.insertOne(track, now());
  await queue.process(added.id);
  const details = { track_id: added.id, size_bytes };
  await audit.record({ event_type: 'track_uploaded', user_id, origin, success: true, details });
  const { id: track_id, title, format, visibility } = added;
  const uploaded = { track_id, user_id, title, format, visibility, size_bytes };
  await facts.record(trackEvents.uploaded(track_id, uploaded, origin));
  return { track: added, duplicate: false };
};

const takeBack = ({ inTransaction, blobs }: Deps, track: NewTrack): Promise<void> =>
  inTransaction(async ({ tracks }) => {
    await tracks.lockBlob(track.sha256);
    await removeUnused(blobs, tracks, track);
  });

/** Takes no account of the time the disk needs: each statement has a deadline of its own. */
const keep = async (
  deps: Deps,
  staged: StagedBlob,
  { track, origin }: Pick<Addition, 'track' | 'origin'>,
): Promise<Uploaded> => {
  let isPublished = false;
  const publish = async (): Promise<void> => {
    if (isPublished) return;
    isPublished = true;
    await staged.publish(track.file_path);
  };
  try {
    return await deps.inTransaction((stores) => add(deps, stores, { track, publish, origin }));
  } catch (fault) {
    if (isPublished)
      await withDeadline(deps.request_timeout_ms, () => takeBack(deps, track)).catch(
        () => undefined,
      );
    throw fault;
  }
};

/**
 * Takes the file in one pass and adds it as a track; bytes the owner has already answer the track they are.
 * Whatever fails, nothing is left behind.
 */
export const upload =
  (deps: Deps) =>
  async (actor: Member, form: IncomingForm<Changes>, origin: Origin): Promise<Uploaded> => {
    const { blobs, limits, request_timeout_ms, meter } = deps;
    const declared = Math.max(0, (form.declared_bytes ?? 0) - FORM_OVERHEAD_BYTES);
    await withDeadline(request_timeout_ms, () => assertRoom(deps, actor, declared));
    const { user_id } = actor;
    let staged: StagedBlob | undefined;
    try {
      const { stored, fields } = await form.receive(async ({ content, filename }) => {
        staged = await blobs.stage(content, { max_bytes: limits.file_bytes });
        return { staged, filename };
      });
      meter.uploaded(stored.staged.size_bytes);
      const described = describe(deps, stored, { user_id, fields });
      const track = await withDeadline(request_timeout_ms, () =>
        vetted(deps, { user_id, track_id: null }, described),
      );
      await stored.staged.flush();
      return await keep(deps, stored.staged, { track, origin });
    } finally {
      await staged?.discard();
    }
  };
