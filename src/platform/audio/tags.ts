import { type IAudioMetadata, type IPicture, parseBlob, selectCover } from 'music-metadata';
import { aacChannels } from './aac-config.ts';
import {
  type AudioCover,
  type AudioFailure,
  type AudioProperties,
  type AudioTags,
  contentTypeOf,
} from './audio.ts';

const maxCoverBytes = 5 * 1024 * 1024;

export type TagsReport = ({ ok: true } & AudioTags & AudioProperties) | AudioFailure;
export type ReadTags = { report: TagsReport; cover: AudioCover | undefined };
/** What the child writes; the cover's bytes go to a descriptor of their own. */
export type TagsOutput = { report: TagsReport; cover_type?: string | undefined };

/** The blob's type chooses the parser. A file the parser gives up on is no audio. */
export const readTags = async (file: Blob): Promise<ReadTags> => {
  const metadata = await parseBlob(file, { duration: true }).catch(() => undefined);
  const properties = metadata && propertiesOf(metadata, file.size);
  if (!properties) return { report: unsupported, cover: undefined };
  const channels = (isMp4(file) && (await aacChannels(file))) || properties.channels;
  return {
    report: { ok: true, ...tagsOf(metadata), ...properties, channels },
    cover: coverOf(selectCover(metadata.common.picture)),
  };
};

const isMp4 = (file: Blob): boolean => file.type === contentTypeOf('m4a');

const unsupported: AudioFailure = {
  ok: false,
  failure_code: 'UNSUPPORTED_AUDIO',
  message: 'There is no audio in it that can be read',
};

const propertiesOf = ({ format }: IAudioMetadata, bytes: number): AudioProperties | undefined => {
  const { duration = 0, sampleRate = 0, numberOfChannels = 0, bitrate } = format;
  if (format.hasAudio !== true || !(duration > 0) || !(sampleRate > 0)) return undefined;
  if (!(numberOfChannels > 0)) return undefined;
  return {
    duration_seconds: duration,
    bitrate: Math.round(bitrate ?? (bytes * 8) / duration),
    sample_rate: sampleRate,
    channels: numberOfChannels,
  };
};

const tagsOf = ({ common }: IAudioMetadata): AudioTags => ({
  title: lineOf(common.title, 200),
  artist: lineOf(common.artist, 200),
  album: lineOf(common.album, 200),
  genre: lineOf(common.genre?.[0], 100),
  year: isYear(common.year) ? common.year : null,
});

/** One line that can be stored: no control characters, no lone surrogates; null when nothing is left. */
const lineOf = (text: string | undefined, max: number): string | null => {
  const line = text?.replace(/\0/g, '').replace(/\s+/g, ' ').trim().slice(0, max);
  return line?.replace(/[\p{Cc}\p{Surrogate}]/gu, '').trim() || null;
};

const isYear = (year: number | undefined): year is number =>
  Number.isInteger(year) && year !== undefined && year >= 1 && year <= 9999;

const coverOf = (picture: IPicture | null): AudioCover | undefined => {
  if (!picture || picture.data.length > maxCoverBytes) return undefined;
  const bytes = Buffer.from(picture.data);
  const content_type = imageTypeOf(bytes);
  return content_type ? { content_type, bytes } : undefined;
};

/** By content: what the tag claims may be anything. */
const imageTypeOf = (bytes: Buffer): string | undefined => {
  const magic = bytes.toString('latin1', 0, 12);
  if (magic.startsWith('\u00ff\u00d8\u00ff')) return 'image/jpeg';
  if (magic.startsWith('\u0089PNG\r\n')) return 'image/png';
  if (magic.startsWith('GIF8')) return 'image/gif';
  return /^RIFF.{4}WEBP/s.test(magic) ? 'image/webp' : undefined;
};
