import { type IAudioMetadata, type IPicture, parseBlob, selectCover } from 'music-metadata';
import { aacChannels } from './aac-config.ts';
import { type AudioCover, type AudioProperties, type AudioTags, contentTypeOf } from './audio.ts';

const maxCoverBytes = 5 * 1024 * 1024;
/** More than any recorder has: whoever claims it is not serious. */
const maxSampleRate = 1_000_000;
const maxChannels = 64;

export type ReadTags = { tags: AudioTags & AudioProperties; cover: AudioCover | undefined };

/** The blob's type chooses the parser. Undefined when there is no audio that can be read. */
export const readTags = async (file: Blob): Promise<ReadTags | undefined> => {
  const metadata = await parseBlob(file, { duration: true }).catch(nothing);
  const properties = metadata && propertiesOf(metadata, file.size);
  if (!properties) return undefined;
  const channels = (isMp4(file) && (await aacChannels(file))) || properties.channels;
  return {
    tags: { ...tagsOf(metadata, isWav(file) ? asUtf8 : asRead), ...properties, channels },
    cover: coverOf(selectCover(metadata.common.picture)),
  };
};

/** The parser gave up. A blob that cannot be read (`NotReadableError`) says nothing about the audio. */
const nothing = (error: unknown): undefined => {
  if (error instanceof DOMException) throw error;
};

const isWav = (file: Blob): boolean => file.type === contentTypeOf('wav');

const isMp4 = (file: Blob): boolean => file.type === contentTypeOf('m4a');

const propertiesOf = ({ format }: IAudioMetadata, bytes: number): AudioProperties | undefined => {
  const { duration = 0, sampleRate = 0, numberOfChannels = 0, bitrate = 0 } = format;
  const isSound = isWithin(duration, Infinity) && isWithin(sampleRate, maxSampleRate);
  if (!format.hasAudio || !isSound || !isWithin(numberOfChannels, maxChannels)) return undefined;
  return {
    duration_seconds: duration,
    bitrate: Math.round(isWithin(bitrate, Infinity) ? bitrate : (bytes * 8) / duration),
    sample_rate: Math.round(sampleRate),
    channels: numberOfChannels,
  };
};

const isWithin = (value: number, max: number): boolean =>
  Number.isFinite(value) && value > 0 && value <= max;

type Reading = (text: string) => string;

const asRead: Reading = (text) => text;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** RIFF does not tell how its text is encoded: the parser takes it for Latin-1, most programs write UTF-8. */
const asUtf8: Reading = (text) => {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.toString('latin1') !== text) return text;
  try {
    return utf8.decode(bytes);
  } catch {
    return text;
  }
};

const tagsOf = ({ common }: IAudioMetadata, read: Reading): AudioTags => {
  const line = (text: string | undefined, max: number) => lineOf(text && read(text), max);
  return {
    title: line(common.title, 200),
    artist: line(common.artist, 200),
    album: line(common.album, 200),
    genre: line(common.genre?.[0], 100),
    year: isYear(common.year) ? common.year : null,
  };
};

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
