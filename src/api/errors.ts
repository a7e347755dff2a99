import { TRPCError } from '@trpc/server';
import {
  causesOf,
  DomainError,
  type ErrorDetail,
  type ErrorKind,
  sharedErrors,
} from '#kernel/errors.ts';

type Transport = { http: number; trpc: TRPCError['code']; grpc: number };

/** The one table from a refusal to every wire; a new kind does not compile until it is mapped. */
export const transports = {
  invalid: { http: 400, trpc: 'BAD_REQUEST', grpc: 3 },
  unauthenticated: { http: 401, trpc: 'UNAUTHORIZED', grpc: 16 },
  forbidden: { http: 403, trpc: 'FORBIDDEN', grpc: 7 },
  not_found: { http: 404, trpc: 'NOT_FOUND', grpc: 5 },
  conflict: { http: 409, trpc: 'CONFLICT', grpc: 6 },
  precondition_failed: { http: 412, trpc: 'PRECONDITION_FAILED', grpc: 9 },
  too_large: { http: 413, trpc: 'PAYLOAD_TOO_LARGE', grpc: 3 },
  unsupported_media: { http: 415, trpc: 'UNSUPPORTED_MEDIA_TYPE', grpc: 3 },
  unprocessable: { http: 422, trpc: 'UNPROCESSABLE_CONTENT', grpc: 3 },
  limit_exceeded: { http: 429, trpc: 'TOO_MANY_REQUESTS', grpc: 8 },
  unavailable: { http: 503, trpc: 'SERVICE_UNAVAILABLE', grpc: 14 },
} as const satisfies Record<ErrorKind, Transport>;

/** What a caller is told, whichever door it came through. */
export type ErrorAnswer = {
  status: number;
  code: string;
  message: string;
  details: readonly ErrorDetail[];
  retry_after_seconds: number | undefined;
};

/** What a bug is answered with, whatever it was. */
export const internal: ErrorAnswer = {
  status: 500,
  code: 'INTERNAL_ERROR',
  message: 'Something went wrong on our side',
  details: [],
  retry_after_seconds: undefined,
};

const answerOf = (refused: DomainError): ErrorAnswer => ({
  status: transports[refused.kind].http,
  code: refused.code,
  message: refused.message,
  details: refused.details,
  retry_after_seconds: refused.retry_after_seconds,
});

/** Refusals of HTTP itself, which no procedure makes. */
const ofProtocol: Record<number, { code: string; message: string }> = {
  400: { code: 'VALIDATION_ERROR', message: 'The request could not be read' },
  404: { code: 'NOT_FOUND', message: sharedErrors.notFound.message },
  405: { code: 'METHOD_NOT_ALLOWED', message: 'This path does not take this method' },
  408: { code: 'REQUEST_TIMEOUT', message: 'The request did not arrive in time' },
  413: { code: 'PAYLOAD_TOO_LARGE', message: sharedErrors.tooLarge.message },
  414: { code: 'URI_TOO_LONG', message: 'The address is too long' },
  415: { code: 'UNSUPPORTED_MEDIA_TYPE', message: sharedErrors.unsupportedMedia.message },
  431: { code: 'HEADERS_TOO_LARGE', message: 'The header fields are too large' },
  503: { code: 'SERVICE_UNAVAILABLE', message: sharedErrors.unavailable.message },
};

const protocolAnswer = (status: number): ErrorAnswer | undefined => {
  const known = ofProtocol[status];
  return known && { ...internal, ...known, status };
};

const statusOfTrpc: Partial<Record<TRPCError['code'], number>> = {
  PARSE_ERROR: 400,
  BAD_REQUEST: 400,
  NOT_FOUND: 404,
  METHOD_NOT_SUPPORTED: 405,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
};

const keyOfStatus = new Map<number, TRPCError['code']>([
  ...Object.values(transports).map(({ http, trpc }) => [http, trpc] as const),
  [405, 'METHOD_NOT_SUPPORTED'],
  [408, 'TIMEOUT'],
]);

const INTERNAL = 13;

const grpcOfStatus = new Map<number, number>(
  Object.values(transports).map(({ http, grpc }) => [http, grpc]),
);

/** gRPC's code for a status that a refusal is answered with; INTERNAL is for bugs alone. */
export const grpcCodeOf = (status: number): number => grpcOfStatus.get(status) ?? INTERNAL;

/** tRPC's name for a status that a refusal is answered with. */
export const trpcCodeOf = (status: number): TRPCError['code'] =>
  keyOfStatus.get(status) ?? 'INTERNAL_SERVER_ERROR';

const statusOfHttp = (fault: Error): number =>
  'statusCode' in fault && typeof fault.statusCode === 'number' && fault.statusCode < 500
    ? fault.statusCode
    : 500;

/** The refusal that `thrown` is or wraps, if it is one: anything else is a bug. */
const refusalIn = (thrown: unknown): DomainError | undefined => {
  for (const cause of causesOf(thrown)) if (cause instanceof DomainError) return cause;
  return undefined;
};

export const describeError = (thrown: unknown): ErrorAnswer => {
  const refused = refusalIn(thrown);
  if (refused) return answerOf(refused);
  if (thrown instanceof TRPCError)
    return protocolAnswer(statusOfTrpc[thrown.code] ?? 500) ?? internal;
  return (thrown instanceof Error && protocolAnswer(statusOfHttp(thrown))) || internal;
};

/** tRPC takes the status of its answer from the error's own code. What is no refusal stays as it is. */
export const asTrpcError = (thrown: unknown): unknown => {
  const refused = refusalIn(thrown);
  if (!refused) return thrown;
  return new TRPCError({
    code: transports[refused.kind].trpc,
    message: refused.message,
    cause: refused,
  });
};
