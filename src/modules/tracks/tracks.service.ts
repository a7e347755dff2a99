import * as library from './tracks.library.ts';
import { follow } from './tracks.following.ts';
import * as listening from './tracks.listening.ts';
import type { Deps } from './tracks.ports.ts';
import { giveUp, process } from './tracks.processing.ts';
import { purge } from './tracks.purge.ts';
import * as serving from './tracks.serving.ts';
import { upload } from './tracks.upload.ts';

export type TracksService = ReturnType<typeof createTracksService>;

export const createTracksService = (deps: Deps) => ({
  upload: upload(deps),
  list: library.list(deps),
  byUser: library.byUser(deps),
  mine: library.mine(deps),
  get: library.get(deps),
  allows: library.allows(deps),
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
  authorizeStream: serving.authorizeStream(deps),
  reportPlayback: serving.reportPlayback(deps),
  follow: follow(deps),
  process: process(deps),
  giveUp: giveUp(deps),
  purge: purge(deps),
});
