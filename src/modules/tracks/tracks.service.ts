import type { Readable } from 'node:stream';
import type { Origin } from '#kernel/actor.ts';
import * as library from './tracks.library.ts';
import * as listening from './tracks.listening.ts';
import type {
  Analysis,
  Blobs,
  InTransaction,
  PlayStore,
  Recognition,
  StreamUrls,
  TrackReads,
  Users,
} from './tracks.ports.ts';
import { giveUp, process } from './tracks.processing.ts';
import { purge } from './tracks.purge.ts';
import { upload } from './tracks.upload.ts';

/** Counts bytes that come and go. */
export interface Meter {
  uploaded(bytes: number): void;
  streaming(content: Readable): Readable;
}

export type Deps = {
  tracks: TrackReads;
  plays: PlayStore;
  inTransaction: InTransaction;
  users: Users;
  blobs: Blobs;
  recognition: Recognition;
  analysis: Analysis;
  streamUrls: StreamUrls;
  /** Tells listeners without an account apart for one day, and reveals nothing of them. */
  fingerprint: (origin: Origin, day: string) => string;
  meter: Meter;
  limits: { file_bytes: number };
  quota_bytes: number;
  request_timeout_ms: number;
  now: () => Date;
};

export type TracksService = ReturnType<typeof createTracksService>;

export const createTracksService = (deps: Deps) => ({
  upload: upload(deps),
  list: library.list(deps),
  byUser: library.byUser(deps),
  mine: library.mine(deps),
  get: library.get(deps),
  update: library.update(deps),
  remove: library.remove(deps),
  restore: library.restore(deps),
  reprocess: library.reprocess(deps),
  stream: listening.stream(deps),
  download: listening.download(deps),
  streamUrl: listening.streamUrl(deps),
  streamSigned: listening.streamSigned(deps),
  waveform: listening.waveform(deps),
  recordPlay: listening.recordPlay(deps),
  stats: listening.stats(deps),
  process: process(deps),
  giveUp: giveUp(deps),
  purge: purge(deps),
});
