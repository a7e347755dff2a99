import type { AudioFormat, AudioReport } from './audio.ts';
import { createExamination, type Log } from './examination.ts';
import { createGate } from './gate.ts';

export type AudioAnalysisOptions = {
  log?: Log | undefined;
  tags_cpu_seconds?: number;
  decode_cpu_seconds?: number;
  max_rss_bytes?: number;
  /** Decodes what the built-in decoders refuse: a name or an absolute path; without one, or where it is not installed, there are no peaks then. */
  ffmpeg_path?: string | undefined;
  /** The folders that a name is looked for in, as in PATH. */
  search_path?: string;
  /** Files at a time. */
  concurrency?: number;
};

export interface AudioAnalysis {
  /** Never fails for what the file holds; fails with the signal's reason, or when the file or a child cannot be opened. */
  analyse(
    path: string,
    format: AudioFormat,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<AudioReport>;
  /** Ends what is running and waits for it; those calls fail. */
  close(): Promise<void>;
}

export const createAudioAnalysis = ({
  log,
  tags_cpu_seconds = 10,
  decode_cpu_seconds = 120,
  max_rss_bytes = 512 * 1024 * 1024,
  ffmpeg_path,
  search_path = '/usr/local/bin:/usr/bin:/bin',
  concurrency = 1,
}: AudioAnalysisOptions = {}): AudioAnalysis => {
  const examine = createExamination({
    log,
    tags_cpu_seconds,
    decode_cpu_seconds,
    max_rss_bytes,
    ffmpeg_path,
    search_path,
  });
  const gate = createGate(concurrency);
  const closing = new AbortController();
  const running = new Set<Promise<AudioReport>>();

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
