import { z } from 'zod';
import { sharedErrors } from '#kernel/errors.ts';
import { id, label, text, timestamp } from '#kernel/fields.ts';
import { feedFields, feedOf } from '#kernel/page.ts';
import { route } from '#kernel/route.ts';
import { formInput } from '#kernel/upload.ts';
import { contentRefusals } from '#modules/moderation/moderation.contract.ts';
import {
  audioFormats,
  failureCodes,
  RESTORABLE_DAYS,
  trackErrors,
  trackStatuses,
  visibilities,
} from './track.ts';
import { listeningContract } from './tracks.listening.contract.ts';

const tag = 'tracks';

const format = z.enum(audioFormats);
const visibility = z
  .enum(visibilities)
  .describe('Unlisted tracks are found by those who know their id');

export const track = z
  .object({
    id: id(),
    user_id: id(),
    username: z.string(),
    title: z.string(),
    artist: z.string().nullable(),
    album: z.string().nullable(),
    description: z.string().nullable(),
    genre: z.string().nullable(),
    year: z.int().nullable(),
    tags: z.array(z.string()),
    license: z.string().nullable(),
    visibility,
    is_downloadable: z.boolean(),
    bpm: z.number().nullable(),
    musical_key: z.string().nullable(),
    status: z.enum(trackStatuses),
    failure_code: z.enum(failureCodes).nullable(),
    format,
    size_bytes: z.int(),
    sha256: z.string().describe('Of the file, hexadecimal'),
    duration_seconds: z.int().nullable(),
    bitrate: z.int().nullable().describe('Bits per second'),
    sample_rate: z.int().nullable().describe('Hertz'),
    channels: z.int().nullable(),
    play_count: z.int(),
    like_count: z.int(),
    comment_count: z.int(),
    version: z.int().describe('Of the entity tag; counters do not change it'),
    created_at: timestamp(),
    updated_at: timestamp(),
  })
  .meta({ id: 'Track' });

const trackTags = z
  .array(label(1, 30))
  .max(10)
  .refine(
    (tags) => new Set(tags.map((name) => name.toLowerCase())).size === tags.length,
    'Must all be different',
  );

/** What the owner may say of a track; with an upload and afterwards. */
const details = {
  title: label(1, 200).optional().describe('Otherwise that of the file'),
  artist: label(1, 200).nullable().optional(),
  album: label(1, 200).nullable().optional(),
  description: text(0, 5000).nullable().optional(),
  genre: label(1, 100).nullable().optional(),
  year: z.int().min(1000).max(9999).nullable().optional(),
  tags: trackTags.optional(),
  license: label(1, 100).nullable().optional(),
  visibility: visibility.optional(),
  is_downloadable: z.boolean().optional(),
  bpm: z.number().min(1).max(999).multipleOf(0.01).nullable().optional(),
  musical_key: label(1, 10).nullable().optional(),
};

const uploadFields = z.strictObject(details);
const one = z.strictObject({ id: id() });
const filters = {
  genre: label(1, 100).optional(),
  tag: label(1, 30).optional(),
  format: format.optional(),
};
const version = (output: { version: number }) => output.version;

const reading = {
  list: route({
    method: 'GET',
    path: '/tracks',
    tag,
    summary: 'List public tracks',
    description: 'Newest first; by page, or walked by cursor.',
    caller: 'anyone',
    input: z.strictObject({ ...feedFields, ...filters }).prefault({}),
    output: feedOf(track),
  }),
  mine: route({
    method: 'GET',
    path: '/users/me/tracks',
    tag,
    summary: 'List your own tracks',
    description: 'Private ones and those that are not ready, too.',
    caller: 'member',
    input: z
      .strictObject({
        ...feedFields,
        ...filters,
        status: z.enum(trackStatuses).optional(),
        deleted: z
          .boolean()
          .default(false)
          .describe('Those that were deleted and can be restored, instead'),
      })
      .prefault({}),
    output: feedOf(track),
  }),
  byUser: route({
    method: 'GET',
    path: '/users/{id}/tracks',
    tag,
    summary: 'List the public tracks of a user',
    caller: 'anyone',
    errors: [sharedErrors.notFound],
    input: z.strictObject({ ...feedFields, ...filters, id: id() }),
    output: feedOf(track),
  }),
  byId: route({
    method: 'GET',
    path: '/tracks/{id}',
    tag,
    summary: 'Read a track',
    caller: 'anyone',
    version,
    errors: [sharedErrors.notFound],
    input: one,
    output: track,
  }),
};

const keeping = {
  upload: route({
    method: 'POST',
    path: '/tracks',
    tag,
    summary: 'Upload a track',
    description:
      'The audio is the field `file` or `audio`; MP3, WAV, FLAC, Ogg Vorbis, Opus, M4A/AAC or AIFF, told by its content. The same bytes again answer the track they are, with `duplicate`.',
    caller: 'member',
    status: 201,
    message: 'Track uploaded',
    otherwise: {
      status: 200,
      when: ({ duplicate }: { duplicate: boolean }) => duplicate,
      description: 'You have uploaded these bytes before',
    },
    location: ({ id }: { id: number }) => `/tracks/${id}`,
    version,
    limit: { name: 'upload', by: 'user' },
    form: { file: ['file', 'audio'], fields: uploadFields },
    errors: [
      trackErrors.unsupported,
      trackErrors.tooLarge,
      trackErrors.quotaExceeded,
      sharedErrors.rateLimited,
      ...contentRefusals,
    ],
    input: formInput(uploadFields),
    output: track.extend({ duplicate: z.boolean() }).meta({ id: 'UploadedTrack' }),
  }),
  update: route({
    method: 'PUT',
    path: '/tracks/{id}',
    tag,
    summary: 'Change what a track says of itself',
    description:
      'Fields that are absent stay as they are; null clears. Insults in `description` are answered and kept as stars.',
    caller: 'member',
    version,
    errors: [sharedErrors.notFound, sharedErrors.preconditionFailed, ...contentRefusals],
    example: { input: { title: 'Night drive', tags: ['synthwave'], visibility: 'public' } },
    input: z.strictObject({ id: id(), ...details }),
    output: track,
  }),
  remove: route({
    method: 'DELETE',
    path: '/tracks/{id}',
    tag,
    summary: 'Delete a track',
    description: `It can be restored for ${RESTORABLE_DAYS} days.`,
    caller: 'member',
    errors: [sharedErrors.notFound, sharedErrors.preconditionFailed],
    input: one,
    output: z.object({ id: id(), restorable_until: timestamp() }).meta({ id: 'RemovedTrack' }),
  }),
  restore: route({
    method: 'POST',
    path: '/tracks/{id}/restore',
    tag,
    summary: 'Restore a deleted track',
    caller: 'member',
    version,
    errors: [sharedErrors.notFound, trackErrors.uploadedAgain, trackErrors.quotaExceeded],
    input: one,
    output: track,
  }),
  reprocess: route({
    method: 'POST',
    path: '/tracks/{id}/reprocess',
    tag,
    summary: 'Read the audio of a track again',
    caller: 'member',
    version,
    errors: [sharedErrors.notFound, trackErrors.stillProcessing],
    input: one,
    output: track,
  }),
};

export const tracksContract = { ...reading, ...listeningContract, ...keeping };
