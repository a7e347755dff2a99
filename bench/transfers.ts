import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { randomBytes } from 'node:crypto';
import { wavOf } from '../src/commands/wav.ts';

const MEGABYTE = 1_000_000;

export type Throughput = { name: string; megabytes_per_second: number };

const timed = async (
  name: string,
  bytes: number,
  work: () => Promise<void>,
): Promise<Throughput> => {
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  return { name, megabytes_per_second: Math.round(bytes / MEGABYTE / seconds) };
};

/** A WAV file of so much noise: 16 bits, stereo, 44.1 kHz. */
export const noise = (bytes: number): Buffer =>
  wavOf(randomBytes(bytes), { sample_rate: 44_100, channels: 2 });

const sink = () => new Writable({ write: (_chunk, _encoding, done) => done() });

const uploadForm = (content: Buffer): FormData => {
  const form = new FormData();
  form.append('file', new Blob([new Uint8Array(content)]), 'noise.wav');
  form.append('visibility', 'private');
  return form;
};

/** Upload and stream through the service, each beside the same bytes through `fs` alone. */
export const measureTransfers = async (
  url: string,
  token: string,
  bytes: number,
): Promise<Throughput[]> => {
  const content = noise(bytes);
  const file = join(tmpdir(), `veza-bench-${process.pid}`);
  const headers = { authorization: `Bearer ${token}` };
  let id = 0;
  const figures = [
    await timed('write a file, fs alone', bytes, () =>
      pipeline(Readable.from([content]), createWriteStream(file, { flush: true })),
    ),
    await timed('upload', bytes, async () => {
      const answer = await fetch(`${url}/api/v1/tracks`, {
        method: 'POST',
        headers,
        body: uploadForm(content),
      });
      id = ((await answer.json()) as { data: { id: number } }).data.id;
    }),
    await timed('read a file, fs alone', bytes, () => pipeline(createReadStream(file), sink())),
    await timed('stream', bytes, async () => {
      const answer = await fetch(`${url}/api/v1/tracks/${id}/stream`, { headers });
      if (!answer.ok || !answer.body) throw new Error(`Streaming answered ${answer.status}`);
      for await (const _chunk of answer.body);
    }),
  ];
  await rm(file);
  return figures;
};
