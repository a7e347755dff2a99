import type { Actor } from '#kernel/actor.ts';
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
  'ANALYSIS_FAILED',
] as const;
export type FailureCode = (typeof failureCodes)[number];
