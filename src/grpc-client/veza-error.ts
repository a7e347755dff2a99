import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { Metadata, status as statuses } from '@grpc/grpc-js';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from '#proto/google/rpc/error_details_pb.ts';
import { type Status, StatusSchema } from '#proto/google/rpc/status_pb.ts';

type Refused = {
  code: string;
  status: string;
  message: string;
  details: readonly { field: string; message: string }[];
  retry_after_seconds: number | undefined;
  request_id: string | undefined;
  cause: unknown;
};

/** What a call refuses with. Branch on `code`, which is stable; the message is for people. */
export class VezaError extends Error {
  override readonly name = 'VezaError';
  readonly code: string;
  /** Of gRPC, like `NOT_FOUND`. */
  readonly status: string;
  readonly details: readonly { field: string; message: string }[];
  readonly retry_after_seconds: number | undefined;
  readonly request_id: string | undefined;

  constructor({ message, cause, ...refused }: Refused) {
    super(message, { cause });
    this.code = refused.code;
    this.status = refused.status;
    this.details = refused.details;
    this.retry_after_seconds = refused.retry_after_seconds;
    this.request_id = refused.request_id;
  }
}

const detailsIn = (metadata: Metadata): Status | undefined => {
  const [bytes] = metadata.get('grpc-status-details-bin');
  return Buffer.isBuffer(bytes) ? fromBinary(StatusSchema, bytes) : undefined;
};

const detailOf = <D extends DescMessage>(
  status: Status | undefined,
  schema: D,
): MessageShape<D> | undefined => {
  for (const detail of status?.details ?? []) {
    const found = anyUnpack(detail, schema);
    if (found) return found;
  }
  return undefined;
};

type Fault = { code?: unknown; details?: unknown; metadata?: unknown };

/** Of faults that no service has answered: a line that broke, a deadline that passed. */
const codeFor = (status: string): string =>
  status === 'UNAVAILABLE' ? 'SERVICE_UNAVAILABLE' : status;

export const asVezaError = (thrown: unknown): VezaError => {
  const { code, details, metadata } = thrown as Fault;
  const name = (typeof code === 'number' ? statuses[code] : undefined) ?? 'UNKNOWN';
  const carried = metadata instanceof Metadata ? metadata : new Metadata();
  const status = detailsIn(carried);
  const seconds = detailOf(status, RetryInfoSchema)?.retryDelay?.seconds;
  const fields = detailOf(status, BadRequestSchema)?.fieldViolations ?? [];
  return new VezaError({
    code: detailOf(status, ErrorInfoSchema)?.reason ?? codeFor(name),
    status: name,
    message: typeof details === 'string' ? details : String(thrown),
    details: fields.map(({ field, description }) => ({ field, message: description })),
    retry_after_seconds: seconds === undefined ? undefined : Number(seconds),
    request_id: carried.get('x-request-id')[0]?.toString(),
    cause: thrown,
  });
};
