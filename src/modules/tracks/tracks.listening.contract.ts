import { z } from 'zod';
import { sharedErrors } from '#kernel/errors.ts';
import { id, timestamp } from '#kernel/fields.ts';
import type { Media } from '#kernel/media.ts';
import { route } from '#kernel/route.ts';

const tag = 'tracks';

const one = z.strictObject({ id: id() });
const media = z.custom<Media>();
const audio = [
  'audio/mpeg',
  'audio/wav',
  'audio/flac',
  'audio/ogg',
  'audio/mp4',
  'audio/aac',
  'audio/aiff',
];

export const listeningContract = {
  stream: route({
    method: 'GET',
    path: '/tracks/{id}/stream',
    tag,
    summary: 'Listen to a track',
    description:
      'Whole or by range (RFC 9110). For an `<audio>` element take the address of `stream-url`.',
    caller: 'anyone',
    media: audio,
    errors: [sharedErrors.notFound],
    input: one,
    output: media,
  }),
  download: route({
    method: 'GET',
    path: '/tracks/{id}/download',
    tag,
    summary: 'Download a track',
    caller: 'anyone',
    media: audio,
    errors: [sharedErrors.notFound, sharedErrors.forbidden],
    input: one,
    output: media,
  }),
  streamUrl: route({
    method: 'GET',
    path: '/tracks/{id}/stream-url',
    tag,
    summary: 'Get an address that plays a track',
    description:
      'It needs no token and lives ten minutes. `sig` is the hexadecimal HMAC-SHA256 under the stream secret of "v1\\n{id}\\n{user}\\n{expires}", with user 0 for strangers and expires in Unix seconds.',
    caller: 'anyone',
    secret: true,
    errors: [sharedErrors.notFound],
    input: one,
    output: z.object({ url: z.string(), expires_at: timestamp() }).meta({ id: 'StreamUrl' }),
  }),
  recordPlay: route({
    method: 'POST',
    path: '/tracks/{id}/plays',
    tag,
    summary: 'Tell that a track was listened to',
    description:
      'It counts after half of the track, four minutes at most, and once per listener and day.',
    caller: 'anyone',
    errors: [sharedErrors.notFound],
    input: z.strictObject({ id: id(), listened_seconds: z.number().min(0).max(86_400) }),
    output: z.object({ counted: z.boolean(), play_count: z.int() }).meta({ id: 'PlayRecorded' }),
  }),
  waveform: route({
    method: 'GET',
    path: '/tracks/{id}/waveform',
    tag,
    summary: 'Read the waveform of a track',
    caller: 'anyone',
    errors: [sharedErrors.notFound],
    input: one,
    output: z
      .object({
        peaks: z
          .array(z.number())
          .nullable()
          .describe('800 numbers from 0 to 1; null when the audio could not be decoded'),
        duration_seconds: z.int().nullable(),
      })
      .meta({ id: 'Waveform' }),
  }),
  stats: route({
    method: 'GET',
    path: '/tracks/{id}/stats',
    tag,
    summary: 'Read how a track is heard',
    caller: 'anyone',
    errors: [sharedErrors.notFound],
    input: z.strictObject({ id: id(), days: z.int().min(1).max(365).default(30) }),
    output: z
      .object({
        play_count: z.int(),
        like_count: z.int(),
        comment_count: z.int(),
        days: z
          .array(z.object({ day: z.iso.date(), plays: z.int() }))
          .nullable()
          .describe('Days with plays, for the owner; null for others'),
      })
      .meta({ id: 'TrackStats' }),
  }),
};
