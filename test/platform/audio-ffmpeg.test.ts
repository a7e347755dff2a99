import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { type AudioAnalysisOptions, createAudioAnalysis } from '#platform/audio/analysis.ts';
import { ffmpegArgs, findProgram } from '#platform/audio/ffmpeg.ts';
import { runLimited } from '#platform/audio/limited-child.ts';
import { sniffAudio } from '#platform/audio/sniff.ts';
import { bytesOf, pathOf } from './audio-fixtures.ts';

/** MP3 within WAV: half a second of silence, then as long a tone at -3 dB, mono. */
const refused = 'mp3.wav';
const folder = mkdtempSync(join(tmpdir(), 'veza-ffmpeg-'));

afterAll(() => rmSync(folder, { recursive: true }));

const whyMissing = (): string | undefined => {
  try {
    execFileSync('ffmpeg', ['-version'], { stdio: 'ignore', timeout: 10_000 });
    return undefined;
  } catch (fault) {
    return `no ffmpeg on PATH: ${(fault as NodeJS.ErrnoException).code ?? String(fault)}`;
  }
};

const missing = whyMissing();
if (missing && process.env['CI'] === 'true') throw new Error(`Not to be skipped in CI: ${missing}`);
if (missing) process.stderr.write(`\nSKIPPED: decoding by ffmpeg (${missing})\n\n`);

const search_path = process.env['PATH'] ?? '';

type Logged = { program?: string; breach?: string };

const analysisWith = (options: AudioAnalysisOptions) => {
  const logged: Logged[] = [];
  const log = { warn: (fields: object) => void logged.push(fields) };
  const analysis = createAudioAnalysis({ log, search_path, ...options });
  onTestFinished(() => analysis.close());
  return { analysis, logged };
};

const fake = (name: string, body: string): string => {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return path;
};

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe.skipIf(missing)(`decoding by ffmpeg${missing ? ` (skipped: ${missing})` : ''}`, () => {
  it('gives the peaks of what the built-in decoder refuses', async () => {
    expect(sniffAudio(bytesOf(refused))).toBe('wav');
    const { analysis, logged } = analysisWith({ ffmpeg_path: 'ffmpeg' });
    const report = await analysis.analyse(pathOf(refused), 'wav');
    expect(logged).toMatchObject([{ program: 'peaks-child.ts', exit_code: 1 }]);
    expect(report).toMatchObject({ ok: true, title: 'Tone', sample_rate: 22_050, channels: 1 });
    const peaks = (report.ok && report.peaks) || [];
    expect(peaks).toHaveLength(800);
    expect(peaks.every((peak) => peak >= 0 && peak <= 1)).toBe(true);
    expect(peaks).toEqual(peaks.map((peak) => Math.round(peak * 1000) / 1000));
    expect(Math.max(...peaks.slice(0, 300))).toBeLessThan(0.05);
    expect(Math.min(...peaks.slice(480, 700))).toBeGreaterThan(0.5);
  });

  it('is not asked for what the built-in decoder manages', async () => {
    const started = join(folder, 'asked');
    const { analysis } = analysisWith({ ffmpeg_path: fake('asking', `: > ${started}`) });
    expect(await analysis.analyse(pathOf('tone.wav'), 'wav')).toMatchObject({ ok: true });
    expect(existsSync(started)).toBe(false);
  });

  it('opens no other kind than was told, nor a path as option or protocol', async () => {
    const program = await findProgram('ffmpeg', search_path);
    const exitOf = async (args: string[]) =>
      (await runIn(program ?? '', args, { wall_seconds: 20 })).exit_code;
    const file = { path: pathOf(refused), max_seconds: 10 };
    expect(await exitOf(ffmpegArgs({ ...file, kind: 'wav' }))).toBe(0);
    expect(await exitOf(ffmpegArgs({ ...file, kind: 'flac' }))).not.toBe(0);
    for (const path of ['-version', `concat:${pathOf(refused)}`])
      expect(await exitOf(ffmpegArgs({ path, kind: 'wav', max_seconds: 10 }))).not.toBe(0);
  });
});

const runIn = (program: string, args: string[], { wall_seconds }: { wall_seconds: number }) =>
  runLimited({
    program,
    args,
    limits: { cpu_seconds: 10, wall_seconds, rss_bytes: 2 ** 29, output_bytes: 2 ** 20 },
    signal: new AbortController().signal,
  });

describe('without a program that decodes', () => {
  it.each([
    ['none named', undefined],
    ['a name that is nowhere', 'veza-no-such-ffmpeg'],
    ['one that fails', '/bin/false'],
  ])('%s: ready all the same, without peaks', async (_, ffmpeg_path) => {
    const { analysis } = analysisWith({ ffmpeg_path });
    const report = await analysis.analyse(pathOf(refused), 'wav');
    expect(report).toMatchObject({ ok: true, title: 'Tone', peaks: null });
  });

  it.each([join(folder, 'nothing'), folder, '../bin/sh', 'veza-no-such-ffmpeg'])(
    'takes %s for none',
    async (name) => expect(await findProgram(name, search_path)).toBeUndefined(),
  );

  it('refuses a file that decodes to no samples', async () => {
    const { analysis } = analysisWith({ ffmpeg_path: '/bin/true' });
    const report = await analysis.analyse(pathOf(refused), 'wav');
    expect(report).toMatchObject({ ok: false, failure_code: 'UNSUPPORTED_AUDIO' });
  });
});

describe('an ffmpeg that misbehaves', () => {
  it('is given nothing of our environment', async () => {
    const { output } = await runIn('/usr/bin/env', [], { wall_seconds: 10 });
    expect(output.toString()).toBe('');
  });

  it('is killed at its processor time', async () => {
    const ffmpeg_path = fake('spinning', 'while :; do :; done');
    const { analysis, logged } = analysisWith({ ffmpeg_path, decode_cpu_seconds: 1 });
    const report = await analysis.analyse(pathOf(refused), 'wav');
    expect(report).toMatchObject({ ok: true, peaks: null });
    expect(logged.at(-1)).toMatchObject({ program: 'ffmpeg', breach: 'cpu', exit_code: null });
  });

  it('is killed at its wall clock, with what it has started', async () => {
    const hanging = fake('hanging', 'sleep 600 & echo $!; wait');
    const { breach, output } = await runIn(hanging, [], { wall_seconds: 1 });
    expect(breach).toBe('wall');
    await expect.poll(() => isRunning(Number(output.toString()))).toBe(false);
  });

  it('is killed with the call it runs for', async () => {
    const ffmpeg_path = fake('waiting', 'echo $$ > "$0.new"; mv "$0.new" "$0.pid"; exec sleep 600');
    const { analysis } = analysisWith({ ffmpeg_path });
    for (const stop of ['signal', 'close']) {
      const caller = new AbortController();
      const outcome = analysis.analyse(pathOf(refused), 'wav', caller).catch((fault) => fault);
      await expect.poll(() => existsSync(`${ffmpeg_path}.pid`)).toBe(true);
      const pid = Number(readFileSync(`${ffmpeg_path}.pid`, 'utf8'));
      rmSync(`${ffmpeg_path}.pid`);
      if (stop === 'signal') caller.abort(new Error('gone'));
      else await analysis.close();
      expect(await outcome).toBeInstanceOf(Error);
      expect(isRunning(pid)).toBe(false);
    }
  });

  it('does not fill our memory with its output', async ({ annotate }) => {
    const finished = join(folder, 'flooding.done');
    const ffmpeg_path = fake('flooding', `head -c 128M /dev/zero && : > ${finished}`);
    const { analysis } = analysisWith({ ffmpeg_path });
    const before = process.memoryUsage.rss();
    let most = before;
    const sampling = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 10);
    onTestFinished(() => clearInterval(sampling));
    const report = await analysis.analyse(pathOf(refused), 'wav');
    await annotate(`128 MiB read, ${((most - before) / 2 ** 20).toFixed(0)} MiB more resident`);
    expect(existsSync(finished)).toBe(true);
    expect(report.ok && report.peaks).toHaveLength(800);
    expect(most - before).toBeLessThan(96 * 2 ** 20);
  });
});
