import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import type { GrpcContext } from '#api/grpc/context.ts';
import { either, implement, services } from '#api/grpc/implement.ts';
import { invalidFields } from '#kernel/errors.ts';
import type { EventRecord } from '#kernel/event.ts';
import { id, text } from '#kernel/fields.ts';
import { parseWith } from '#kernel/validation.ts';
import {
  type AuthorizeStreamRequest,
  type ReportPlaybackRequest,
  StreamEventType,
  StreamService,
  type SubscribeToStreamEventsRequest,
} from '#proto/veza/stream/v1/stream_pb.ts';
import { tracksContract } from './tracks.contract.ts';
import type { TracksService } from './tracks.service.ts';
import type { Claim, StreamGrant } from './tracks.serving.ts';

/** Each type of this definition under the name that the event has. */
const eventTypes = new Map<string, StreamEventType>([
  ['track.uploaded', StreamEventType.TRACK_UPLOADED],
  ['track.ready', StreamEventType.TRACK_READY],
  ['track.failed', StreamEventType.TRACK_FAILED],
  ['track.updated', StreamEventType.TRACK_UPDATED],
  ['track.removed', StreamEventType.TRACK_REMOVED],
  ['track.restored', StreamEventType.TRACK_RESTORED],
  ['track.played', StreamEventType.TRACK_PLAYED],
]);

const claim = z.strictObject({ track_id: id() });
const address = z.strictObject({ track_id: id(), sig: z.string().max(64) });
const listener = z.strictObject({
  ip_address: z.union([z.ipv4(), z.ipv6()]),
  user_agent: text(0, 512),
});
const playback = z.strictObject({
  listened_seconds: tracksContract.recordPlay.input.shape.listened_seconds,
  listener: listener.optional(),
});
const wanted = z.strictObject({
  track_ids: z.array(id()).max(100),
  event_types: z.array(z.enum(StreamEventType).exclude(['UNSPECIFIED'])).max(20),
});

const claimOf = (
  { by }: Pick<AuthorizeStreamRequest | ReportPlaybackRequest, 'by'>,
  { actor }: GrpcContext,
): Claim => {
  if (by.case === 'trackId')
    return { actor, id: parseWith(claim, { track_id: Number(by.value) }).track_id };
  if (by.case === undefined)
    throw invalidFields([{ field: 'by', message: 'Give an address or a track' }]);
  const { trackId, userId, expires, sig } = by.value;
  const signed = parseWith(address, { track_id: Number(trackId), sig });
  return { address: { id: signed.track_id, user: `${userId}`, expires: `${expires}`, sig } };
};

const playbackOf = ({ listenedSeconds, listener }: ReportPlaybackRequest) =>
  parseWith(playback, {
    listened_seconds: listenedSeconds,
    listener: listener && { ip_address: listener.ipAddress, user_agent: listener.userAgent },
  });

const wantedOf = ({ trackIds, eventTypes: types }: SubscribeToStreamEventsRequest) => {
  const given = parseWith(wanted, { track_ids: trackIds.map(Number), event_types: types });
  const names = [...eventTypes.keys()].filter((name) => {
    const type = eventTypes.get(name);
    return types.length === 0 || (type !== undefined && types.includes(type));
  });
  return { track_ids: given.track_ids, names };
};

const presentGrant = ({ track, user_id, expires_at }: StreamGrant) => ({
  trackId: BigInt(track.id),
  userId: BigInt(user_id),
  contentType: track.content_type,
  sizeBytes: BigInt(track.size_bytes),
  sha256: track.sha256,
  ...(track.duration_seconds !== null && { durationSeconds: track.duration_seconds }),
  storageKey: track.file_path,
  expiresAt: timestampFromDate(new Date(expires_at)),
});

/** Who listened and who asked is nobody's business but the services'. */
const presentEvent = ({ service }: GrpcContext, record: EventRecord) => ({
  id: record.id,
  type: eventTypes.get(record.name) ?? StreamEventType.UNSPECIFIED,
  trackId: BigInt(record.aggregate.id),
  occurredAt: timestampFromDate(new Date(record.occurred_at)),
  ...(service !== undefined && {
    requestId: record.request_id,
    payload: JSON.parse(JSON.stringify(record.payload)),
  }),
});

async function* presentEvents(ctx: GrpcContext, records: AsyncIterable<EventRecord>) {
  for await (const record of records) yield { event: presentEvent(ctx, record) };
}

/** `veza.stream.v1.StreamService`. */
export const createStreamGrpc = (tracks: TracksService) =>
  implement(StreamService, {
    authorizeStream: services(async (ctx, request) =>
      presentGrant(await tracks.authorizeStream(claimOf(request, ctx))),
    ),
    reportPlayback: services(async (ctx, request) => {
      const told = playbackOf(request);
      const { counted, play_count } = await tracks.reportPlayback(
        claimOf(request, ctx),
        { ...told, listener: told.listener },
        ctx.origin,
      );
      return { counted, playCount: BigInt(play_count) };
    }),
    subscribeToStreamEvents: either(async (ctx, request) =>
      presentEvents(ctx, await tracks.follow(ctx, wantedOf(request), ctx.signal)),
    ),
  });
