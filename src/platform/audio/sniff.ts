import type { AudioFormat } from './audio.ts';
import { afterId3, isAdts, isMp3 } from './mpeg-frame.ts';

/** How many of the first bytes `sniffAudio` wants; a shorter file is passed whole. */
export const sniffBytes = 65_536;

/** The kind of audio by content alone. Pure, and linear in the length of the head. */
export const sniffAudio = (head: Buffer): AudioFormat | undefined => {
  switch (fourCc(head, 0)) {
    case 'RIFF':
    case 'RF64':
    case 'BW64':
      return fourCc(head, 8) === 'WAVE' ? 'wav' : undefined;
    case 'FORM':
      return ['AIFF', 'AIFC'].includes(fourCc(head, 8)) ? 'aiff' : undefined;
    case 'fLaC':
      return isFlac(head, 0) ? 'flac' : undefined;
    case 'OggS':
      return sniffOgg(head);
    default:
      return fourCc(head, 4) === 'ftyp' ? sniffMp4(head) : sniffFrames(head);
  }
};

const fourCc = (head: Buffer, offset: number): string =>
  head.toString('latin1', offset, offset + 4);

/** The first metadata block must be STREAMINFO (RFC 9639 §8.1). */
const isFlac = (head: Buffer, offset: number): boolean =>
  fourCc(head, offset) === 'fLaC' &&
  head.length >= offset + 8 &&
  (head.readUInt32BE(offset + 4) & 0x7fffffff) === 34;

/** The first packet of the first page names the codec (RFC 3533 §6, RFC 7845 §5.1, Vorbis I §4.2.1). */
const sniffOgg = (head: Buffer): AudioFormat | undefined => {
  if (head.length < 28 || head.readUInt8(4) !== 0 || (head.readUInt8(5) & 2) === 0)
    return undefined;
  const packet = 27 + head.readUInt8(26);
  const magic = head.toString('latin1', packet, packet + 8);
  if (magic === 'OpusHead') return 'opus';
  return magic.startsWith('\u0001vorbis') ? 'ogg' : undefined;
};

const mp4Brands = new Set([
  'M4A ',
  'M4B ',
  'mp41',
  'mp42',
  'isom',
  'iso2',
  'iso4',
  'iso5',
  'iso6',
  'dash',
]);

/** ISO/IEC 14496-12 §4.3: the major brand decides, or M4A among the compatible ones. */
const sniffMp4 = (head: Buffer): AudioFormat | undefined => {
  const end = head.readUInt32BE(0);
  if (end < 16 || end > head.length) return undefined;
  if (mp4Brands.has(fourCc(head, 8))) return 'm4a';
  for (let brand = 16; brand + 4 <= end; brand += 4) {
    if (fourCc(head, brand) === 'M4A ') return 'm4a';
  }
  return undefined;
};

/** MPEG frames, bare or behind an ID3v2 tag and its padding; FLAC may also follow such a tag. */
const sniffFrames = (head: Buffer): AudioFormat | undefined => {
  const tagEnd = afterId3(head);
  if (tagEnd !== undefined && tagEnd >= head.length) return isLongTag(head) ? 'mp3' : undefined;
  const start = skipZeros(head, tagEnd ?? 0);
  if (isMp3(head, start)) return 'mp3';
  if (isAdts(head, start)) return 'm4a';
  return tagEnd !== undefined && isFlac(head, start) ? 'flac' : undefined;
};

/** What follows a tag longer than the head is out of reach; its own first frame must look like one. */
const isLongTag = (head: Buffer): boolean =>
  head.length >= sniffBytes && /^[A-Z][A-Z0-9]{2}/.test(fourCc(head, 10));

const skipZeros = (head: Buffer, start: number): number => {
  let offset = start;
  while (offset < head.length && head[offset] === 0) offset++;
  return offset;
};
