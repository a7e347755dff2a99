import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  type AudioFailure,
  type AudioFailureCode,
  type AudioFormat,
  type AudioReport,
  contentTypeOf,
} from './audio.ts';
import { createGate } from './gate.ts';
import { type Breach, type Ending, runLimited } from './limited-child.ts';
import { sniffBytes } from './sniff.ts';
import type { TagsOutput } from './tags.ts';

interface Log {
  warn(fields: object, message: string): void;
}

export type AudioAnalysisOptions = {
  log?: Log | undefined;
  tags_cpu_seconds?: number;
  decode_cpu_seconds?: number;
  max_rss_bytes?: number;
  /** Files at a time. */
  concurrency?: number;
};

export interface AudioAnalysis {
  /** Never fails for what the file holds; fails with the signal's reason, or when the file or the child cannot be opened. */
  analyse(
    path: string,
    format: AudioFormat,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<AudioReport>;
  /** Ends what is running and waits for it; those calls fail. */
  close(): Promise<void>;
}

const maxDuration_seconds = 3 * 60 * 60;
const outputBytes = 6 * 1024 * 1024;

export const createAudioAnalysis = ({
  log,
  tags_cpu_seconds = 10,
  decode_cpu_seconds = 120,
  max_rss_bytes = 512 * 1024 * 1024,
  concurrency = 1,
}: AudioAnalysisOptions = {}): AudioAnalysis => {
  const gate = createGate(concurrency);
  const closing = new AbortController();
  const running = new Set<Promise<AudioReport>>();

  const run = createRunner(max_rss_bytes, log);

  const examine = async (path: string, format: AudioFormat, signal: AbortSignal) => {
    const content_type = contentTypeOf(format, await headOf(path));
    const tags = await run({
      script: 'tags-child.ts',
      cpu_seconds: tags_cpu_seconds,
      args: [path, content_type],
      signal,
    });
    const report = tags.exit_code === 0 ? reportFrom(tags) : failureOf(tags.breach);
    if (!report.ok) return report;
    if (report.duration_seconds > maxDuration_seconds) return tooLong;
    const decoding = await run({
      script: 'peaks-child.ts',
      cpu_seconds: decode_cpu_seconds,
      args: [path, content_type === 'audio/aac' ? 'aac' : format],
      signal,
    });
    return { ...report, peaks: peaksFrom(decoding) };
  };

  return {
    analyse(path, format, { signal } = {}) {
      const either = AbortSignal.any([closing.signal, ...(signal ? [signal] : [])]);
      const report = gate.pass(either, () => examine(path, format, either));
      running.add(report);
      const forget = () => running.delete(report);
      report.then(forget, forget);
      return report;
    },
    async close() {
      closing.abort(new Error('The audio analysis is closed'));
      await Promise.allSettled(running);
    },
  };
};

/** One phase of an analysis, in a child of its own. */
const createRunner =
  (rss_bytes: number, log: Log | undefined) =>
  async ({ script, cpu_seconds, args, signal }: Task): Promise<Ending> => {
    const wall_seconds = 10 + 4 * cpu_seconds;
    const limits = { cpu_seconds, wall_seconds, rss_bytes, output_bytes: outputBytes };
    const ending = await runLimited({ script: here(script), args, limits, signal });
    if (ending.exit_code !== 0) log?.warn(recordOf(ending, script), 'audio analysis ended early');
    return ending;
  };

type Task = { script: string; cpu_seconds: number; args: readonly string[]; signal: AbortSignal };
type Tagged = AudioFailure | Omit<Extract<AudioReport, { ok: true }>, 'peaks'>;

const here = (script: string): string => fileURLToPath(new URL(script, import.meta.url));

const headOf = async (path: string): Promise<Buffer> => {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(sniffBytes), 0, sniffBytes, 0);
  return buffer.subarray(0, bytesRead);
};

const recordOf = ({ breach, exit_code, errors }: Ending, script: string) => ({
  script,
  breach,
  exit_code,
  errors: errors.toString('utf8').slice(-2000),
});

/** The output is that of our own program, which ended well: its shape is known. */
const reportFrom = ({ output, attachment }: Ending): Tagged => {
  const { report, cover_type } = JSON.parse(output.toString('utf8')) as TagsOutput;
  if (!report.ok) return report;
  const cover = cover_type === undefined ? null : { content_type: cover_type, bytes: attachment };
  return { ...report, cover };
};

/** As above; what could not be decoded within the limits has no peaks. */
const peaksFrom = ({ exit_code, output }: Ending): number[] | null =>
  exit_code === 0 ? (JSON.parse(output.toString('utf8')) as number[] | null) : null;

const failure = (failure_code: AudioFailureCode, message: string): AudioFailure => ({
  ok: false,
  failure_code,
  message,
});

const tooLong = failure('AUDIO_TOO_LONG', 'It is longer than three hours');

const timeout = failure('ANALYSIS_TIMEOUT', 'Reading it took too long');
const outOfMemory = failure('ANALYSIS_OUT_OF_MEMORY', 'Reading it took too much memory');
const failed = failure('ANALYSIS_FAILED', 'It could not be read');
const breaches = { cpu: timeout, wall: timeout, memory: outOfMemory, output: failed };

const failureOf = (breach: Breach | undefined): AudioFailure =>
  breach ? breaches[breach] : failed;
