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
import { type Breach, type Ending, runLimited } from './limited-child.ts';
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
};
type Phase = { script: string; cpu_seconds: number; args: readonly string[]; signal: AbortSignal };
type Examine = (path: string, format: AudioFormat, signal: AbortSignal) => Promise<AudioReport>;

/** Of the rounded duration: encoders add a few milliseconds of their own. */
const maxDuration_seconds = 3 * 60 * 60;
const outputBytes = 6 * 1024 * 1024;

/** Tags first, then the peaks, each in a child of its own: what the second does not manage costs only the peaks. */
export const createExamination = (options: Options): Examine => {
  const { tags_cpu_seconds, decode_cpu_seconds } = options;
  const run = createRunner(options);

  return async (path, format, signal) => {
    const content_type = contentTypeOf(format, await headOf(path));
    const reading = await run({
      script: 'tags-child.ts',
      cpu_seconds: tags_cpu_seconds,
      args: [path, content_type],
      signal,
    });
    if (reading.exit_code !== 0) return failureOf(reading.breach);
    const tags = tagsFrom(reading);
    if (!tags) return unsupported;
    if (Math.round(tags.duration_seconds) > maxDuration_seconds) return tooLong;
    const kind = content_type === 'audio/aac' ? 'aac' : format;
    const decoding = await run({
      script: 'peaks-child.ts',
      cpu_seconds: decode_cpu_seconds,
      args: [path, kind],
      signal,
    });
    if (decoding.exit_code !== 0) return { ...tags, peaks: null };
    const peaks = peaksFrom(decoding);
    return peaks ? { ...tags, peaks } : unsupported;
  };
};

const createRunner =
  ({ max_rss_bytes, log }: Options) =>
  async ({ script, cpu_seconds, args, signal }: Phase): Promise<Ending> => {
    const ending = await runLimited({
      script: fileURLToPath(new URL(script, import.meta.url)),
      args,
      limits: {
        cpu_seconds,
        wall_seconds: 10 + 4 * cpu_seconds,
        rss_bytes: max_rss_bytes,
        output_bytes: outputBytes,
      },
      signal,
    });
    if (ending.exit_code !== 0) log?.warn(recordOf(ending, script), 'audio analysis ended early');
    return ending;
  };

const recordOf = ({ breach, exit_code, errors }: Ending, script: string) => ({
  script,
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
