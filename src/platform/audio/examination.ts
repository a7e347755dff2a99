import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  type AudioFailure,
  type AudioFailureCode,
  type AudioFormat,
  type AudioProperties,
  type AudioReport,
  type AudioTags,
  contentTypeOf,
} from './audio.ts';
import { type AudioKind, ffmpegArgs, ffmpegLayout, findProgram } from './ffmpeg.ts';
import { type Breach, type Command, type Ending, ownScript, runLimited } from './limited-child.ts';
import { pcmFrames } from './pcm.ts';
import { createPeaks } from './peaks.ts';
import { sniffBytes } from './sniff.ts';

export interface Log {
  warn(fields: object, message: string): void;
}

/** What the children write: null when there is no audio. The bytes of the cover go to descriptor 3. */
export type TagsOutput = (AudioTags & AudioProperties & { cover_type: string | null }) | null;
export type PeaksOutput = number[] | null;

type Options = {
  log: Log | undefined;
  tags_cpu_seconds: number;
  decode_cpu_seconds: number;
  max_rss_bytes: number;
  ffmpeg_path: string | undefined;
  search_path: string;
};
type Phase = {
  name: string;
  command: Command;
  cpu_seconds: number;
  signal: AbortSignal;
  consume?: (output: AsyncIterable<Uint8Array>) => Promise<void>;
};
type Sound = { path: string; kind: AudioKind; signal: AbortSignal };
type Examine = (path: string, format: AudioFormat, signal: AbortSignal) => Promise<AudioReport>;

/** Of the rounded duration: encoders add a few milliseconds of their own. */
const maxDuration_seconds = 3 * 60 * 60;
const outputBytes = 6 * 1024 * 1024;

/** Tags first, then the peaks, each in a child of its own: what the second does not manage costs only the peaks. */
export const createExamination = (options: Options): Examine => {
  const run = createRunner(options);
  const readPeaks = createPeaksReader(options, run);

  return async (path, format, signal) => {
    const content_type = contentTypeOf(format, await headOf(path));
    const reading = await run({
      name: 'tags-child.ts',
      command: scriptOf('tags-child.ts', [path, content_type], options),
      cpu_seconds: options.tags_cpu_seconds,
      signal,
    });
    if (reading.exit_code !== 0) return failureOf(reading.breach);
    const tags = tagsFrom(reading);
    if (!tags) return unsupported;
    if (Math.round(tags.duration_seconds) > maxDuration_seconds) return tooLong;
    const kind = content_type === 'audio/aac' ? 'aac' : format;
    const peaks = await readPeaks({ path, kind, signal });
    if (peaks === undefined) return { ...tags, peaks: null };
    return peaks ? { ...tags, peaks } : unsupported;
  };
};

/** By our own decoders, or by ffmpeg what they refuse. Null when there are no samples, undefined when none could decode it. */
const createPeaksReader = (options: Options, run: ReturnType<typeof createRunner>) => {
  const { decode_cpu_seconds: cpu_seconds, ffmpeg_path, search_path } = options;
  let found: Promise<string | undefined> | undefined;

  const readByFfmpeg = async ({ signal, ...file }: Sound): Promise<PeaksOutput | undefined> => {
    if (ffmpeg_path === undefined) return undefined;
    const program = await (found ??= findProgram(ffmpeg_path, search_path));
    if (!program) return undefined;
    const peaks = createPeaks();
    const { exit_code } = await run({
      name: 'ffmpeg',
      command: { program, args: ffmpegArgs({ ...file, max_seconds: maxDuration_seconds + 1 }) },
      cpu_seconds,
      signal,
      consume: async (output) => {
        for await (const channels of pcmFrames(output, ffmpegLayout)) peaks.add(channels);
      },
    });
    return exit_code === 0 ? peaks.finish() : undefined;
  };

  return async (sound: Sound): Promise<PeaksOutput | undefined> => {
    const name = 'peaks-child.ts';
    const command = scriptOf(name, [sound.path, sound.kind], options);
    const decoding = await run({ name, command, cpu_seconds, signal: sound.signal });
    return decoding.exit_code === 0 ? peaksFrom(decoding) : readByFfmpeg(sound);
  };
};

const scriptOf = (script: string, args: readonly string[], { max_rss_bytes }: Options): Command =>
  ownScript(fileURLToPath(new URL(script, import.meta.url)), args, { rss_bytes: max_rss_bytes });

const createRunner =
  ({ max_rss_bytes, log }: Options) =>
  async ({ name, command, cpu_seconds, signal, consume }: Phase): Promise<Ending> => {
    const ending = await runLimited({
      ...command,
      limits: {
        cpu_seconds,
        wall_seconds: 10 + 4 * cpu_seconds,
        rss_bytes: max_rss_bytes,
        output_bytes: outputBytes,
      },
      signal,
      consume,
    });
    if (ending.exit_code !== 0) log?.warn(recordOf(ending, name), 'audio analysis ended early');
    return ending;
  };

const recordOf = ({ breach, exit_code, errors }: Ending, program: string) => ({
  program,
  breach,
  exit_code,
  errors: errors.toString('utf8').slice(-2000),
});

const headOf = async (path: string): Promise<Buffer> => {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(sniffBytes), 0, sniffBytes, 0);
  return buffer.subarray(0, bytesRead);
};

type Tagged = Omit<Extract<AudioReport, { ok: true }>, 'peaks'>;

/** The output is that of our own program, which ended well: its shape is known. */
const tagsFrom = ({ output, attachment }: Ending): Tagged | undefined => {
  const read = JSON.parse(output.toString('utf8')) as TagsOutput;
  if (!read) return undefined;
  const { cover_type, ...tags } = read;
  const cover = cover_type === null ? null : { content_type: cover_type, bytes: attachment };
  return { ok: true, ...tags, cover };
};

/** As above. */
const peaksFrom = ({ output }: Ending): PeaksOutput =>
  JSON.parse(output.toString('utf8')) as PeaksOutput;

const failure = (failure_code: AudioFailureCode, message: string): AudioFailure => ({
  ok: false,
  failure_code,
  message,
});

const unsupported = failure('UNSUPPORTED_AUDIO', 'There is no audio in it that can be read');
const tooLong = failure('AUDIO_TOO_LONG', 'It is longer than three hours');
const timeout = failure('ANALYSIS_TIMEOUT', 'Reading it took too long');
const outOfMemory = failure('ANALYSIS_OUT_OF_MEMORY', 'Reading it took too much memory');
const failed = failure('ANALYSIS_FAILED', 'It could not be read');
const breaches = { cpu: timeout, wall: timeout, memory: outOfMemory, output: failed };

const failureOf = (breach: Breach | undefined): AudioFailure =>
  breach ? breaches[breach] : failed;
