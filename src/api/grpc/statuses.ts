import { anyPack } from '@bufbuild/protobuf/wkt';
import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { Metadata, status as codes } from '@grpc/grpc-js';
import { sharedErrors } from '#kernel/errors.ts';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from '#proto/google/rpc/error_details_pb.ts';
import { StatusSchema } from '#proto/google/rpc/status_pb.ts';
import { describeError, type ErrorAnswer, grpcCodeOf } from '../errors.ts';

const DETAILS = 'grpc-status-details-bin';
const DOMAIN = 'veza';
const OK = 0;

export type Status = { code: number; details: string; metadata: Metadata };

/** As the library hands it out. */
type Given = { code: number; details: string; metadata?: Partial<Metadata> | null | undefined };

export const nameOf = (code: number): string => codes[code] ?? 'UNKNOWN';

const packed = <D extends DescMessage>(schema: D, init: MessageInitShape<D>) =>
  anyPack(schema, create(schema, init));

const detailsOf = ({ code, details, retry_after_seconds }: ErrorAnswer) => [
  packed(ErrorInfoSchema, { reason: code, domain: DOMAIN }),
  ...(details.length > 0
    ? [
        packed(BadRequestSchema, {
          fieldViolations: details.map(({ field, message }) => ({ field, description: message })),
        }),
      ]
    : []),
  ...(retry_after_seconds === undefined
    ? []
    : [packed(RetryInfoSchema, { retryDelay: { seconds: BigInt(retry_after_seconds) } })]),
];

/** The stable code is the reason of an `ErrorInfo`; problems of fields and the time to wait come beside it. */
export const statusFrom = (
  answer: Pick<ErrorAnswer, 'code' | 'message'> & Partial<ErrorAnswer>,
  code: number,
): Status => {
  const details = detailsOf({ status: 0, details: [], retry_after_seconds: undefined, ...answer });
  const metadata = new Metadata();
  const whole = create(StatusSchema, { code, message: answer.message, details });
  metadata.set(DETAILS, Buffer.from(toBinary(StatusSchema, whole)));
  return { code, details: answer.message, metadata };
};

/** As the library says it by itself when it is first to notice. */
export const deadlineExceeded = (): Status =>
  statusFrom(
    { code: nameOf(codes.DEADLINE_EXCEEDED), message: 'Deadline exceeded' },
    codes.DEADLINE_EXCEEDED,
  );

/** What a caller is told of whatever was thrown. */
export const statusOf = (thrown: unknown): Status & { answer: ErrorAnswer } => {
  const answer = describeError(thrown);
  return { ...statusFrom(answer, grpcCodeOf(answer.status)), answer };
};

type Refused = ReturnType<typeof statusOf>;

const unreadable = (): Refused =>
  statusOf(sharedErrors.validation({ message: 'The request could not be read' }));
const tooLarge = (): Refused => statusOf(sharedErrors.tooLarge());

/** Refusals of the library itself, which no method makes: it calls input that it cannot read a fault of its own. */
const ofProtocol: Partial<Record<number, () => Refused>> = {
  [codes.INTERNAL]: unreadable,
  [codes.RESOURCE_EXHAUSTED]: tooLarge,
};

/** A status as it is sent: with a stable code in it, whoever refused. The code is answered when it was added here. */
export const settled = ({ code, details, metadata }: Given): Status & { reason?: string } => {
  const carried = metadata instanceof Metadata ? metadata : new Metadata();
  if (code === OK || carried.get(DETAILS).length > 0) return { code, details, metadata: carried };
  const refused = ofProtocol[code]?.();
  if (refused) return { ...refused, reason: refused.answer.code };
  return { ...statusFrom({ code: nameOf(code), message: details }, code), reason: nameOf(code) };
};
