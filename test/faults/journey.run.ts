// node test/faults/journey.run.ts: real files of every kind, by curl from upload to playback. Needs curl, sox, lame, flac, oggenc, opusenc and ffmpeg.
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { print } from '#test/load.ts';
import { signUp, startService } from '#test/service.ts';

const SECONDS = 20;
const tags = {
  title: 'Été – Night',
  artist: 'Veza',
  album: 'Journeys',
  genre: 'Ambient',
  year: 2024,
};
const { title, artist, album, genre, year } = tags;

const run = (file: string, args: readonly string[]): Buffer =>
  execFileSync(file, args, { stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 64 * 1024 * 1024 });

const ffmpegTags = Object.entries({ title, artist, album, genre, date: year }).flatMap(
  ([name, value]) => ['-metadata', `${name}=${value}`],
);
const vorbisTags = Object.entries({ title, artist, album, genre, date: year }).map(
  ([name, value]) => `${name}=${value}`,
);

/** Ten seconds of silence, then a tone as long. */
const record = (folder: string): string => {
  const path = join(folder, 'source.wav');
  run('sox', [
    '-n',
    '-r',
    '44100',
    '-c',
    '2',
    '-b',
    '16',
    path,
    'synth',
    '10',
    'sine',
    '440',
    'gain',
    '-3',
    'pad',
    '10',
    '0',
  ]);
  return path;
};

/** The file of each kind, made by the tool that people make it with. */
const encoders: Record<string, (source: string, target: string) => void> = {
  mp3: (source, target) =>
    void run('lame', [
      '--quiet',
      '-b',
      '192',
      '--tt',
      title,
      '--ta',
      artist,
      '--tl',
      album,
      '--tg',
      genre,
      '--ty',
      String(year),
      '--id3v2-only',
      source,
      target,
    ]),
  flac: (source, target) =>
    void run('flac', [
      '--silent',
      ...vorbisTags.map((tag) => `--tag=${tag}`),
      '-o',
      target,
      source,
    ]),
  wav: (source, target) =>
    void run('ffmpeg', ['-i', source, ...ffmpegTags, '-c:a', 'copy', target]),
  ogg: (source, target) =>
    void run('oggenc', [
      '-Q',
      '-t',
      title,
      '-a',
      artist,
      '-l',
      album,
      '-G',
      genre,
      '-d',
      String(year),
      '-o',
      target,
      source,
    ]),
  opus: (source, target) =>
    void run('opusenc', [
      '--quiet',
      ...vorbisTags.flatMap((tag) => ['--comment', tag]),
      source,
      target,
    ]),
  m4a: (source, target) => void run('ffmpeg', ['-i', source, ...ffmpegTags, '-c:a', 'aac', target]),
};

type Curl = { status: number; body: Buffer; json: Record<string, never> };

const curl = (args: readonly string[], token?: string): Curl => {
  const authorization = token ? ['-H', `authorization: Bearer ${token}`] : [];
  const output = run('curl', ['-sS', '-w', '\n%{http_code}', ...authorization, ...args]);
  const at = output.lastIndexOf('\n');
  const body = output.subarray(0, at);
  const isJson = body[0] === 0x7b;
  return {
    status: Number(output.subarray(at + 1).toString()),
    body,
    json: isJson ? JSON.parse(body.toString()) : {},
  };
};

type Track = Record<string, unknown> & {
  id: number;
  status: string;
  duration_seconds: number;
  sample_rate: number;
  channels: number;
};

const upload = (url: string, token: string, path: string) => {
  const { status, json } = curl(['-F', `audio=@${path}`, `${url}/api/v1/tracks`], token);
  return { status, track: json['data'] as unknown as Track };
};

const untilProcessed = async (url: string, token: string, id: number): Promise<Track> => {
  for (;;) {
    const track = curl([`${url}/api/v1/tracks/${id}`], token).json['data'] as unknown as Track;
    if (track.status !== 'processing') return track;
    await wait(50);
  }
};

const byRanges = (url: string, size: number): Buffer => {
  const parts: Buffer[] = [];
  const step = Math.ceil(size / 7);
  for (let start = 0; start < size; start += step) {
    const { status, body } = curl(['-r', `${start}-${Math.min(size, start + step) - 1}`, url]);
    if (status !== 206) throw new Error(`A range was answered ${status}`);
    parts.push(body);
  }
  return Buffer.concat(parts);
};

const loudest = (peaks: number[], from: number, to: number): number =>
  Math.max(...peaks.slice(from, to));

const isRight = (is: boolean): string => (is ? 'yes' : 'NO');

type Site = { url: string; token: string; folder: string; source: string };

const journey = async (kind: string, { url, token, folder, source }: Site) => {
  const path = join(folder, `journey.${kind}`);
  encoders[kind]?.(source, path);
  const bytes = await readFile(path);
  const began = performance.now();
  const { status, track } = upload(url, token, path);
  const uploaded_ms = performance.now() - began;
  const ready = await untilProcessed(url, token, track.id);
  const ready_ms = performance.now() - began;
  const stream = `${url}/api/v1/tracks/${track.id}/stream`;
  const { peaks } = curl([`${url}/api/v1/tracks/${track.id}/waveform`]).json['data'] as unknown as {
    peaks: number[] | null;
  };
  const again = upload(url, token, path);
  const signed = curl([`${url}/api/v1/tracks/${track.id}/stream-url`]).json['data'] as unknown as {
    url: string;
  };
  return {
    kind,
    upload: `${status} ${uploaded_ms.toFixed(0)} ms`,
    ready: `${ready.status} ${ready_ms.toFixed(0)} ms`,
    format: ready['format'],
    tags: isRight(Object.entries(tags).every(([name, value]) => ready[name] === value)),
    seconds: `${ready.duration_seconds} ${isRight(ready.duration_seconds === SECONDS)}`,
    rate: `${ready.sample_rate}/${ready.channels}`,
    kbit: Math.round(Number(ready['bitrate']) / 1000),
    wave: peaks
      ? isRight(
          peaks.length === 800 && loudest(peaks, 0, 390) < 0.05 && loudest(peaks, 410, 790) > 0.6,
        )
      : 'null',
    whole: isRight(curl([stream]).body.equals(bytes)),
    ranges: isRight(byRanges(stream, bytes.length).equals(bytes)),
    signed: isRight(curl([signed.url]).body.equals(bytes)),
    duplicate: `${again.status} ${isRight(again.track['duplicate'] === true && again.track.id === track.id)}`,
  };
};

const table = (rows: readonly Record<string, unknown>[]): void => {
  const names = Object.keys(rows[0] ?? {});
  const lines = [names, ...rows.map((row) => names.map((name) => String(row[name])))];
  const widths = names.map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length)),
  );
  for (const line of lines)
    print(line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
};

const folder = await mkdtemp(join(tmpdir(), 'veza-run-'));
try {
  const service = await startService(folder);
  const { token } = await signUp(service.url);
  const site = { url: service.url, token, folder, source: record(folder) };
  const rows = [];
  for (const kind of Object.keys(encoders)) rows.push(await journey(kind, site));
  table(rows);
  print(`exit ${JSON.stringify(await service.stop())}`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
