import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { AudioFormat } from '#platform/audio/audio.ts';

/** Silence, then as long a tone at -3 dB, mono; tagged where the container can be. */
export const fixtures = [
  { name: 'tone.mp3', format: 'mp3', seconds: 2.06, sample_rate: 22_050 },
  { name: 'tone.wav', format: 'wav', seconds: 1, sample_rate: 8000 },
  { name: 'tone.flac', format: 'flac', seconds: 2, sample_rate: 22_050 },
  { name: 'tone.ogg', format: 'ogg', seconds: 2, sample_rate: 22_050 },
  { name: 'tone.opus', format: 'opus', seconds: 2, sample_rate: 22_050 },
  { name: 'tone.m4a', format: 'm4a', seconds: 2.05, sample_rate: 22_050 },
  { name: 'tone.aiff', format: 'aiff', seconds: 1, sample_rate: 8000 },
  { name: 'tone.aac', format: 'm4a', seconds: 2.04, sample_rate: 22_050 },
] as const satisfies readonly {
  name: string;
  format: AudioFormat;
  seconds: number;
  sample_rate: number;
}[];

export const pathOf = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/audio/${name}`, import.meta.url));

export const bytesOf = (name: string): Buffer => readFileSync(pathOf(name));

/** The WAV fixture as RF64: sizes of 0xffffffff, told by `ds64` instead. */
export const rf64 = (): Buffer => {
  const wav = bytesOf('tone.wav');
  const data = wav.indexOf('data', 12, 'latin1');
  const ds64 = Buffer.alloc(36);
  ds64.write('ds64', 0, 'latin1');
  ds64.writeUInt32LE(28, 4);
  ds64.writeBigUInt64LE(BigInt(wav.length + 28), 8);
  ds64.writeBigUInt64LE(BigInt(wav.readUInt32LE(data + 4)), 16);
  const file = Buffer.concat([wav.subarray(0, 12), ds64, wav.subarray(12)]);
  file.write('RF64', 0, 'latin1');
  file.writeUInt32LE(0xffffffff, 4);
  file.writeUInt32LE(0xffffffff, data + 36 + 4);
  return file;
};

export const noise = (byte: number): Buffer => Buffer.alloc(1024 * 1024, byte);
