import {
  DiscardPolicy,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamInfo,
} from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/transport-node';

export const STREAM = 'VEZA';
export const SUBJECTS = 'veza.*.*.v1';

/** Of every call: a server that does not answer is one that is not there. */
export const CALL_MS = 2000;

const DAY_MS = 86_400_000;

/** As old as an event may get in the stream; inboxes remember for longer. */
const LONGEST_KEPT_MS = 3 * DAY_MS;
/** A message that is sent twice within this time is kept once. */
const DUPLICATES_MS = 120_000;

const wanted = {
  name: STREAM,
  subjects: [SUBJECTS],
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.Old,
  storage: StorageType.File,
  max_age: nanos(LONGEST_KEPT_MS),
  duplicate_window: nanos(DUPLICATES_MS),
};

const STREAM_NOT_FOUND = 10_059;

export const isMissing = (fault: unknown): boolean =>
  fault instanceof JetStreamApiError && fault.code === STREAM_NOT_FOUND;

/** `track.ready` → `veza.track.ready.v1`. */
export const subjectOf = ({ name, version }: { name: string; version: number }): string =>
  `veza.${name}.v${version}`;

export const managerOf = (connection: NatsConnection) =>
  jetstreamManager(connection, { timeout: CALL_MS, checkAPI: false });

/** The stream as it is; made when it is not there, the first time or because its server lost it. */
export const ensureStream = async (connection: NatsConnection): Promise<StreamInfo> => {
  const { streams } = await managerOf(connection);
  try {
    return await streams.info(STREAM);
  } catch (fault) {
    if (!isMissing(fault)) throw fault;
    return streams.add(wanted);
  }
};
