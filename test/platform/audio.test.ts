import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { type AudioAnalysisOptions, createAudioAnalysis } from '#platform/audio/analysis.ts';
import { type AudioReport, contentTypeOf } from '#platform/audio/audio.ts';
import { decode } from '#platform/audio/decode.ts';
import { readTags } from '#platform/audio/tags.ts';
import { bytesOf, fixtures, noise, pathOf, rf64 } from './audio-fixtures.ts';

vi.setConfig({ testTimeout: 30_000 });

const folder = mkdtempSync(join(tmpdir(), 'veza-audio-'));
const shared = createAudioAnalysis({ concurrency: 2 });

afterAll(async () => {
  await shared.close();
  rmSync(folder, { recursive: true });
});

const fileOf = (name: string, bytes: Buffer): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

const using = async <T>(
  options: AudioAnalysisOptions,
  work: (analysis: ReturnType<typeof createAudioAnalysis>) => Promise<T>,
): Promise<T> => {
  const analysis = createAudioAnalysis(options);
  try {
    return await work(analysis);
  } finally {
    await analysis.close();
  }
};

const assertOk = (report: AudioReport) => {
  if (!report.ok) throw new Error(report.failure_code);
  return report;
};

/** The peaks without the edges, where codecs add a little of their own. */
const shapeOf = (peaks: number[] | null) => ({
  count: peaks?.length,
  silence: Math.max(...(peaks?.slice(10, 320) ?? [])),
  tone: Math.max(...(peaks?.slice(480, 790) ?? [])),
  isUnit: peaks?.every((peak) => peak >= 0 && peak <= 1 && peak === Math.round(peak * 1000) / 1000),
});

describe('analysis', () => {
  it.concurrent.each(fixtures)('reads $name', async ({ name, format, seconds, sample_rate }) => {
    const report = assertOk(await shared.analyse(pathOf(name), format));
    expect(report).toMatchObject({ sample_rate, channels: 1 });
    expect(report.duration_seconds).toBeCloseTo(seconds, 1);
    expect(report.bitrate).toBeGreaterThan(8000);
    if (name !== 'tone.aac') {
      expect(report).toMatchObject({
        title: 'Tone',
        artist: 'Veza',
        album: 'Fixtures',
        genre: 'Blues',
        year: 2024,
      });
    }
    const shape = shapeOf(report.peaks);
    expect(shape).toMatchObject({ count: 800, isUnit: true });
    expect(shape.silence).toBeLessThan(0.05);
    expect(shape.tone).toBeGreaterThan(0.6);
  });

  it('reads RF64 as the WAV it is', async () => {
    const report = await shared.analyse(fileOf('rf64', rf64()), 'wav');
    expect(report).toMatchObject({
      ok: true,
      duration_seconds: 1,
      sample_rate: 8000,
      title: 'Tone',
    });
    expect(shapeOf(assertOk(report).peaks).tone).toBeCloseTo(0.708, 2);
  });

  it('hands out the cover with the type of its content', async () => {
    const report = assertOk(await shared.analyse(pathOf('tone.flac'), 'flac'));
    expect(report.cover?.content_type).toBe('image/png');
    expect(report.cover?.bytes.toString('latin1', 1, 4)).toBe('PNG');
  });

  it('refuses what only looks like audio', async () => {
    const path = fileOf('claims', Buffer.concat([bytesOf('tone.flac').subarray(0, 8), noise(0)]));
    const report = await shared.analyse(path, 'flac');
    expect(report).toMatchObject({ ok: false, failure_code: 'UNSUPPORTED_AUDIO' });
  });

  it.each([
    ['utf8', 'Tôn'],
    ['latin1', 'Tône'],
  ] as const)('reads the names in a WAV that are written in %s', async (encoding, title) => {
    const wav = bytesOf('tone.wav');
    const written = Buffer.from(title, encoding);
    const at = wav.indexOf('Tone', 0, 'latin1');
    expect(written).toHaveLength(4);
    written.copy(wav, at);
    const read = await readTags(new Blob([new Uint8Array(wav)], { type: contentTypeOf('wav') }));
    expect(read?.tags.title).toBe(title);
  });

  it('refuses a header without any audio behind it', async () => {
    const path = fileOf('header', bytesOf('tone.flac').subarray(0, 42));
    const report = await shared.analyse(path, 'flac');
    expect(report).toMatchObject({ ok: false, failure_code: 'UNSUPPORTED_AUDIO' });
  });

  it('refuses what lasts more than three hours', async () => {
    const wav = bytesOf('tone.wav');
    wav.writeUInt32LE(1, 24);
    const report = await shared.analyse(fileOf('long', wav), 'wav');
    expect(report).toMatchObject({ ok: true, duration_seconds: 8000 });
    wav.writeUInt16LE(1, 32);
    const longer = await shared.analyse(fileOf('longer', wav), 'wav');
    expect(longer).toMatchObject({ ok: false, failure_code: 'AUDIO_TOO_LONG' });
  });

  it('fails when the file is not there', async () => {
    const missing = shared.analyse(join(folder, 'missing'), 'mp3');
    await expect(missing).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('limits', () => {
  it('ends a file that eats time, while the process keeps turning', async ({ annotate }) => {
    const path = fileOf('ff', noise(0xff));
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const report = await using({ tags_cpu_seconds: 1 }, (audio) => audio.analyse(path, 'mp3'));
    delay.disable();
    await annotate(
      `event loop delay at most ${(delay.max / 1e6).toFixed(1)} ms in ${delay.count} turns`,
    );
    expect(report).toMatchObject({ ok: false, failure_code: 'ANALYSIS_TIMEOUT' });
    expect(delay.count).toBeGreaterThan(10);
  });

  it('ends a file that eats memory', async () => {
    const path = fileOf('memory', noise(0xff));
    const report = await using({ max_rss_bytes: 50 * 1024 * 1024 }, (audio) =>
      audio.analyse(path, 'mp3'),
    );
    expect(report).toMatchObject({ ok: false, failure_code: 'ANALYSIS_OUT_OF_MEMORY' });
  });

  it('goes without peaks when decoding takes too long', async () => {
    const report = await using({ decode_cpu_seconds: 0.01 }, (audio) =>
      audio.analyse(pathOf('tone.ogg'), 'ogg'),
    );
    expect(report).toMatchObject({ ok: true, title: 'Tone', peaks: null });
  });

  it('takes the next file after one it had to end', async () => {
    await using({ tags_cpu_seconds: 1 }, async (audio) => {
      const reports = await Promise.all([
        audio.analyse(fileOf('first', noise(0xff)), 'mp3'),
        audio.analyse(pathOf('tone.wav'), 'wav'),
      ]);
      expect(reports.map(({ ok }) => ok)).toEqual([false, true]);
    });
  });

  it('fails with the reason of the signal, running or waiting', async () => {
    await using({}, async (audio) => {
      const [running, waiting] = [new AbortController(), new AbortController()];
      const first = audio.analyse(pathOf('tone.wav'), 'wav', running);
      const second = audio.analyse(pathOf('tone.wav'), 'wav', waiting);
      const [gone, left] = [new Error('gone'), new Error('left')];
      waiting.abort(left);
      await expect(second).rejects.toBe(left);
      running.abort(gone);
      await expect(first).rejects.toBe(gone);
    });
  });

  it('ends what is running when it is closed', async () => {
    const audio = createAudioAnalysis();
    const report = audio.analyse(fileOf('closed', noise(0xff)), 'mp3');
    const outcome = expect(report).rejects.toThrow();
    await audio.close();
    await outcome;
  });
});

const cuts = Array.from({ length: 16 }, (_, cut) => (cut + 0.5) / 16);

describe('cut off anywhere', () => {
  it.each(fixtures)('$name leaves its parsers with an answer or an error', async (fixture) => {
    const bytes = bytesOf(fixture.name);
    const type = contentTypeOf(fixture.format, bytes);
    for (const share of cuts) {
      const file = new Blob([bytes.subarray(0, bytes.length * share)], { type });
      expect((await readTags(file))?.tags.duration_seconds ?? 1).toBeGreaterThan(0);
      expect(
        await framesIn(file, type === 'audio/aac' ? 'aac' : fixture.format),
      ).toBeGreaterThanOrEqual(0);
    }
  });

  it.concurrent.each(fixtures)('$name is answered', async ({ name, format }) => {
    const bytes = bytesOf(name);
    const path = fileOf(`half-${name}`, bytes.subarray(0, bytes.length / 2));
    const report = await shared.analyse(path, format);
    expect(report.ok || report.failure_code).toBeOneOf([true, 'UNSUPPORTED_AUDIO']);
  });
});

const framesIn = async (file: Blob, kind: string): Promise<number> => {
  let frames = 0;
  try {
    for await (const [first] of await decode(file, kind)) frames += first?.length ?? 0;
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
  }
  return frames;
};
