import { isAdts } from './mpeg-frame.ts';

/** What is accepted, told apart by content (`sniffAudio`). `m4a` includes AAC without a container (ADTS). */
export const audioFormats = {
  mp3: { content_type: 'audio/mpeg', extension: 'mp3' },
  wav: { content_type: 'audio/wav', extension: 'wav' },
  flac: { content_type: 'audio/flac', extension: 'flac' },
  ogg: { content_type: 'audio/ogg', extension: 'ogg' },
  opus: { content_type: 'audio/ogg', extension: 'opus' },
  m4a: { content_type: 'audio/mp4', extension: 'm4a' },
  aiff: { content_type: 'audio/aiff', extension: 'aiff' },
} as const;
export type AudioFormat = keyof typeof audioFormats;

export type AudioCover = { content_type: string; bytes: Buffer };

export type AudioTags = {
  title: string | null;
  artist: string | null;
  album: string | null;
  genre: string | null;
  year: number | null;
};

export type AudioProperties = {
  /** Not rounded. */
  duration_seconds: number;
  /** Bits per second. */
  bitrate: number;
  sample_rate: number;
  channels: number;
};

/** `UNSUPPORTED_AUDIO`, `AUDIO_TOO_LONG` and the limits are the file's fault: trying again gives the same. `ANALYSIS_FAILED` may be ours. */
export type AudioFailureCode =
  | 'UNSUPPORTED_AUDIO'
  | 'AUDIO_TOO_LONG'
  | 'ANALYSIS_TIMEOUT'
  | 'ANALYSIS_OUT_OF_MEMORY'
  | 'ANALYSIS_FAILED';

export type AudioFailure = { ok: false; failure_code: AudioFailureCode; message: string };

export type AudioReport =
  | ({
      ok: true;
      cover: AudioCover | null;
      /** 800 numbers from 0 to 1; null when the audio could not be decoded within the limits. */
      peaks: number[] | null;
    } & AudioTags &
      AudioProperties)
  | AudioFailure;

/** Given the first bytes too, AAC without a container is told from M4A. */
export const contentTypeOf = (format: AudioFormat, head?: Buffer): string =>
  format === 'm4a' && head && isAdts(head) ? 'audio/aac' : audioFormats[format].content_type;

/** Without the dot. */
export const extensionOf = (format: AudioFormat, head?: Buffer): string =>
  format === 'm4a' && head && isAdts(head) ? 'aac' : audioFormats[format].extension;
