import { access, constants, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import type { AudioFormat } from './audio.ts';
import type { PcmLayout } from './pcm.ts';

export type AudioKind = AudioFormat | 'aac';

const demuxers: Record<AudioKind, string> = {
  mp3: 'mp3',
  wav: 'wav',
  flac: 'flac',
  ogg: 'ogg',
  opus: 'ogg',
  m4a: 'mov',
  aac: 'aac',
  aiff: 'aiff',
};
const sampleRate = 8000;

/** What ffmpeg writes when called with `ffmpegArgs`. */
export const ffmpegLayout: PcmLayout = {
  channels: 1,
  sample_bytes: 2,
  read: (samples, at) => samples.getInt16(at, true) / 0x8000,
};

type Decoding = { path: string; kind: AudioKind; max_seconds: number };

/** The content chooses neither the demuxer nor other files to open, and the path can be no option or protocol. */
export const ffmpegArgs = ({ path, kind, max_seconds }: Decoding): string[] => [
  '-nostdin',
  '-hide_banner',
  '-loglevel',
  'error',
  '-protocol_whitelist',
  'file,pipe',
  '-f',
  demuxers[kind],
  '-i',
  `file:${resolve(path)}`,
  '-map',
  '0:a:0',
  '-vn',
  '-t',
  `${max_seconds}`,
  '-ac',
  `${ffmpegLayout.channels}`,
  '-ar',
  `${sampleRate}`,
  '-f',
  's16le',
  'pipe:1',
];

/** The first program of that name in the folders, or the one at an absolute path. */
export const findProgram = async (
  name: string,
  search_path: string,
): Promise<string | undefined> => {
  for (const path of candidatesFor(name, search_path)) if (await isProgram(path)) return path;
  return undefined;
};

const candidatesFor = (name: string, search_path: string): string[] => {
  if (name.includes('/')) return isAbsolute(name) ? [name] : [];
  const folders = search_path.split(':').filter(isAbsolute);
  return folders.map((folder) => join(folder, name));
};

const isProgram = async (path: string): Promise<boolean> => {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
};
