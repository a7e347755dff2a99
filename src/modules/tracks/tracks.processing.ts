import { type Track, titleFrom } from './track.ts';
import { trackEvents } from './tracks.events.ts';
import type { Deps, Report } from './tracks.ports.ts';
import { withoutRefused } from './tracks.texts.ts';

type Found = Extract<Report, { ok: true }>;

/** A title that nobody chose gives way to the one in the file. */
const titleOf = ({ title, original_filename }: Track, found: Found): string =>
  title === titleFrom(original_filename) ? (found.title ?? title) : title;

/** Writes down what the file was found to be, unless the track was deleted or read again meanwhile. */
const settle = ({ inTransaction }: Deps, id: number, report: Report): Promise<void> =>
  inTransaction(async ({ tracks, facts }) => {
    const track = await tracks.lockOneById(id);
    if (track?.status !== 'processing') return;
    const about = { track_id: id, user_id: track.user_id };
    if (!report.ok) {
      const { failure_code } = report;
      await tracks.setFailed(id, failure_code);
      return facts.record(trackEvents.failed(id, { ...about, failure_code }, undefined));
    }
    const { artist, album, genre, year, bitrate, sample_rate, channels, peaks } = report;
    const duration_seconds = Math.round(report.duration_seconds);
    const properties = { duration_seconds, bitrate: Math.round(bitrate), sample_rate, channels };
    const title = titleOf(track, report);
    await tracks.setReady(id, { title, artist, album, genre, year, ...properties }, peaks);
    await facts.record(trackEvents.ready(id, { ...about, title, duration_seconds }, undefined));
  });

/** What a file says of itself is read by others, too: what may not be kept is as if it were not there. */
const presentable = async (deps: Deps, { id, user_id }: Track, report: Report): Promise<Report> =>
  report.ok ? withoutRefused(deps, { user_id, track_id: id }, report) : report;

/** Reads the audio of a track, whatever became of its owner meanwhile. */
export const process =
  (deps: Deps) =>
  async (id: number, signal: AbortSignal): Promise<void> => {
    const track = await deps.inTransaction(({ tracks }) => tracks.lockOneById(id));
    if (track?.status !== 'processing') return;
    const { format, file_path } = track;
    const report = await deps.blobs.withLocalFile(file_path, (path) =>
      deps.analysis.analyse(path, format, { signal }),
    );
    await settle(deps, id, await presentable(deps, track, report));
  };

/** What could not be read at all is a failed track, never a stuck one. */
export const giveUp =
  (deps: Deps) =>
  (id: number): Promise<void> =>
    settle(deps, id, { ok: false, failure_code: 'ANALYSIS_FAILED' });
