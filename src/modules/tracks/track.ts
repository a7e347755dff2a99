import { refusal, sharedErrors } from '#kernel/errors.ts';
import { uploadErrors } from '#kernel/upload.ts';

export const audioFormats = ['mp3', 'wav', 'flac', 'ogg', 'opus', 'm4a', 'aiff'] as const;
export type AudioFormat = (typeof audioFormats)[number];

export const visibilities = ['private', 'unlisted', 'public'] as const;
export type Visibility = (typeof visibilities)[number];

export const trackStatuses = ['processing', 'ready', 'failed'] as const;
export type TrackStatus = (typeof trackStatuses)[number];

export const failureCodes = [
  'UNSUPPORTED_AUDIO',
  'AUDIO_TOO_LONG',
  'ANALYSIS_TIMEOUT',
  'ANALYSIS_OUT_OF_MEMORY',
  'ANALYSIS_FAILED',
] as const;
export type FailureCode = (typeof failureCodes)[number];

/** What its owner may change. */
export type TrackDetails = {
  title: string;
  artist: string | null;
  album: string | null;
  description: string | null;
  genre: string | null;
  year: number | null;
  tags: string[];
  license: string | null;
  visibility: Visibility;
  is_downloadable: boolean;
  bpm: number | null;
  musical_key: string | null;
};

/** What was found in the file; null until it has been read. */
export type AudioProperties = {
  duration_seconds: number | null;
  bitrate: number | null;
  sample_rate: number | null;
  channels: number | null;
};

export type Track = TrackDetails &
  AudioProperties & {
    id: number;
    user_id: number;
    username: string;
    status: TrackStatus;
    failure_code: FailureCode | null;
    format: AudioFormat;
    content_type: string;
    file_path: string;
    original_filename: string;
    size_bytes: number;
    sha256: string;
    play_count: number;
    like_count: number;
    comment_count: number;
    version: number;
    created_at: string;
    updated_at: string;
    deleted_at: string | null;
  };

export const trackErrors = {
  notFound: sharedErrors.notFound,
  suspended: sharedErrors.suspended,
  forbidden: sharedErrors.forbidden,
  unsupported: refusal(
    'unsupported_media',
    'UNSUPPORTED_AUDIO',
    'This is none of the kinds of audio that are taken',
  ),
  tooLarge: uploadErrors.fileTooLarge,
  quotaExceeded: refusal(
    'forbidden',
    'QUOTA_EXCEEDED',
    'This would take more storage than you have',
  ),
  uploadedAgain: refusal('conflict', 'CONFLICT', 'The same audio was uploaded again since'),
  stillProcessing: refusal('conflict', 'CONFLICT', 'The track is being processed'),
  streamUrlInvalid: refusal(
    'forbidden',
    'STREAM_URL_INVALID',
    'The stream address is wrong or has expired',
  ),
};

/** How long a deleted track can be restored. */
export const RESTORABLE_DAYS = 30;
export const DAY_MS = 86_400_000;

export const restorableUntil = (deleted_at: Date): Date =>
  new Date(deleted_at.getTime() + RESTORABLE_DAYS * DAY_MS);

/** What was deleted before can no longer be restored. */
export const restorableSince = (now: Date): Date =>
  new Date(now.getTime() - RESTORABLE_DAYS * DAY_MS);

const LONGEST_WAIT_SECONDS = 240;

/** Whether so much listening is a play: half of the track, four minutes at most, and never none. */
export const isPlay = (listened_seconds: number, duration_seconds: number | null): boolean =>
  listened_seconds > 0 &&
  listened_seconds >=
    Math.min((duration_seconds ?? Number.POSITIVE_INFINITY) / 2, LONGEST_WAIT_SECONDS);

const LONGEST_TITLE = 200;

/** The name of a file, without folder and extension; what a track is called before anyone names it. */
export const titleFrom = (filename: string): string => {
  const name = filename.replace(/^.*[\\/]/s, '').replace(/\.(?=\d*[a-z])[a-z\d]{1,5}$/i, '');
  const short = name
    .replaceAll(/\p{Cc}/gu, '')
    .trim()
    .slice(0, LONGEST_TITLE);
  return short.replaceAll(/\p{Cs}/gu, '').trim() || 'Untitled';
};
