import decodeChunked from 'audio-decode/stream';
import { aiffSound } from './aiff.ts';
import { moovFirst } from './moov-first.ts';
import { afterId3 } from './mpeg-frame.ts';
import { pcmFrames } from './pcm.ts';
import { asRiff } from './riff.ts';

type Samples = AsyncIterable<readonly Float32Array[]>;

/** The samples of a file in pieces, one array a channel; fails on what cannot be decoded. */
export const decode = async (file: Blob, kind: string): Promise<Samples> => {
  switch (kind) {
    case 'wav':
      return decodeBy('wav', await asRiff(file));
    case 'flac':
      return decodeBy('flac', await withoutId3(file));
    case 'aiff':
      return decodeAiff(file);
    case 'm4a':
      return decodeBy('m4a', await moovFirst(file));
    case 'ogg':
      return decodeBy('oga', file);
    case 'mp3':
    case 'opus':
    case 'aac':
      return decodeBy(kind, file);
    default:
      throw new TypeError(`No decoder for ${kind}`);
  }
};

const decodeBy = async function* (
  decoder: Parameters<typeof decodeChunked>[1],
  file: Blob,
): AsyncGenerator<readonly Float32Array[]> {
  for await (const { channelData } of decodeChunked(file.stream(), decoder)) yield channelData;
};

const decodeAiff = async (file: Blob): Promise<Samples> => {
  const found = await aiffSound(file);
  return found ? pcmFrames(found.sound.stream(), found.layout) : decodeBy('aiff', file);
};

const withoutId3 = async (file: Blob): Promise<Blob> => {
  const head = Buffer.from(await file.slice(0, 10).arrayBuffer());
  return file.slice(afterId3(head) ?? 0);
};
