import { anyone, member, router } from '#api/trpc.ts';
import type { Feed } from '#kernel/page.ts';
import { serialiser } from '#kernel/serialised.ts';
import type { Track } from './track.ts';
import { tracksContract as c } from './tracks.contract.ts';
import type { TracksService } from './tracks.service.ts';

/** What callers see of a track: where and under which name its bytes are kept is nobody's business. */
const present = (
  track: Track,
): Omit<Track, 'file_path' | 'original_filename' | 'content_type' | 'deleted_at'> => track;

const presentFeed = ({ data, pagination }: Feed<Track>) => ({
  data: data.map(present),
  pagination,
});

/** A track that is read all the time is the same object, and is written once. */
const write = serialiser(c.byId, present);

export const createTracksRouter = (tracks: TracksService) =>
  router({
    list: anyone(c.list).query(async ({ input }) => presentFeed(await tracks.list(input))),
    mine: member(c.mine).query(async ({ ctx, input }) =>
      presentFeed(await tracks.mine(ctx.actor, input)),
    ),
    byUser: anyone(c.byUser).query(async ({ input }) => presentFeed(await tracks.byUser(input))),
    byId: anyone(c.byId).query(async ({ ctx, input }) =>
      write(await tracks.get(ctx.actor, input.id)),
    ),
    waveform: anyone(c.waveform).query(({ ctx, input }) => tracks.waveform(ctx.actor, input.id)),
    stats: anyone(c.stats).query(({ ctx, input }) => tracks.stats(ctx.actor, input)),
    stream: anyone(c.stream).query(({ ctx, input }) =>
      tracks.stream(ctx.actor, input.id, ctx.linkTo),
    ),
    download: anyone(c.download).query(({ ctx, input }) =>
      tracks.download(ctx.actor, input.id, ctx.linkTo),
    ),
    streamUrl: anyone(c.streamUrl).query(({ ctx, input }) =>
      tracks.streamUrl(ctx.actor, input.id, ctx.linkTo),
    ),
    recordPlay: anyone(c.recordPlay).mutation(({ ctx, input }) =>
      tracks.recordPlay(ctx.actor, input, ctx.origin),
    ),
    upload: member(c.upload).mutation(async ({ ctx, input }) => {
      const { track, duplicate } = await tracks.upload(ctx.actor, input, ctx.origin);
      return { ...present(track), duplicate };
    }),
    update: member(c.update).mutation(async ({ ctx, input }) =>
      present(await tracks.update(ctx.actor, input, ctx)),
    ),
    remove: member(c.remove).mutation(({ ctx, input }) => tracks.remove(ctx.actor, input.id, ctx)),
    restore: member(c.restore).mutation(async ({ ctx, input }) =>
      present(await tracks.restore(ctx.actor, input.id, ctx)),
    ),
    reprocess: member(c.reprocess).mutation(async ({ ctx, input }) =>
      present(await tracks.reprocess(ctx.actor, input.id)),
    ),
  });
