import { once } from 'node:events';
import { create, type DescMethod, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  Metadata,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import { withDeadline } from '#kernel/deadline.ts';
import { type DomainError, sharedErrors } from '#kernel/errors.ts';
import type { RefusalLog } from '../context.ts';
import type { ErrorAnswer } from '../errors.ts';
import type { Admit } from './admission.ts';
import type { GrpcContext } from './context.ts';
import type { Method } from './implement.ts';
import { type CallFacts, factsOf } from './observed.ts';
import { deadlineExceeded, type Status, statusOf } from './statuses.ts';

export type CallSettings = {
  admit: Admit;
  refused: RefusalLog;
  log: { error(facts: object, said: string): void; warn(facts: object, said: string): void };
  /** What one call may wait for, in all, when its caller does not say less. */
  timeout_ms: number;
  /** Why nothing is answered now. */
  closed: () => DomainError | undefined;
};

type Wire = { method: DescMethod; implementation: Method<never, unknown> };
type Called = Pick<ServerUnaryCall<Buffer, Buffer>, 'request' | 'metadata' | 'getDeadline'>;

/** Milliseconds that the caller still waits. */
const leftOf = (call: Pick<Called, 'getDeadline'>, most: number): number => {
  const deadline = call.getDeadline();
  const at = deadline instanceof Date ? deadline.getTime() : deadline;
  if (at === Number.POSITIVE_INFINITY) return most;
  return Math.min(most, Math.max(0, at - Date.now()));
};

/** Whoever gave less time than the work took is told so, and not that something was unavailable. */
const isTooLate = ({ base }: CallFacts, { status }: ErrorAnswer): boolean =>
  status === 503 && leftOf(base, 1) === 0;

/** Fields of later definitions are passed over, as Protocol Buffers have it. */
const decode = ({ input }: DescMethod, bytes: Buffer): never => {
  try {
    return fromBinary(input, bytes, { readUnknownFields: false }) as never;
  } catch (fault) {
    throw sharedErrors.validation({ message: 'The request could not be read', cause: fault });
  }
};

const encode = ({ output }: DescMethod, message: unknown): Buffer =>
  Buffer.from(toBinary(output, create(output, message as never)));

/** What we wait for is gone; the cause is for the log alone. */
const isOutage = ({ status }: ErrorAnswer, thrown: unknown): boolean =>
  status === 503 && thrown instanceof Error && thrown.cause !== undefined;

const settleFailure = (
  facts: CallFacts,
  { log, refused }: CallSettings,
  thrown: unknown,
): Status => {
  const { answer, ...status } = statusOf(thrown);
  if (isTooLate(facts, answer)) {
    facts.reason = 'DEADLINE_EXCEEDED';
    return deadlineExceeded();
  }
  facts.reason = answer.code;
  const about = { err: thrown, request_id: facts.origin.request_id, path: facts.path };
  if (answer.status === 500) log.error(about, 'call failed');
  else if (isOutage(answer, thrown) && !facts.stop.signal.aborted) log.warn(about, 'call refused');
  if (answer.status === 403) noteDenial(facts, answer, refused);
  return status;
};

const noteDenial = (facts: CallFacts, { code }: ErrorAnswer, refused: RefusalLog): void =>
  refused.note({
    event_type: 'access_denied',
    user_id: facts.user_id,
    origin: facts.origin,
    details: { code, operation: facts.path },
  });

/** From bytes to whatever the method answers, within the deadline of its caller and of ours. */
const run = (
  call: Called,
  { implementation, method }: Wire,
  settings: CallSettings,
): Promise<unknown> => {
  const facts = factsOf(call.metadata);
  facts.working = true;
  const work = async (): Promise<unknown> => {
    const closed = settings.closed();
    if (closed) throw closed;
    const context: GrpcContext = await settings.admit(facts, call.metadata, implementation.caller);
    return await implementation.run(context, decode(method, call.request));
  };
  return withDeadline(leftOf(call, settings.timeout_ms), work, facts.stop.signal);
};

export const answerOnce =
  (wire: Wire, settings: CallSettings) =>
  (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void => {
    const facts = factsOf(call.metadata);
    const answer = async (): Promise<Buffer> => {
      try {
        return encode(wire.method, await run(call, wire, settings));
      } finally {
        facts.working = false;
      }
    };
    answer().then(
      (bytes) => done(null, bytes),
      (thrown: unknown) => done(settleFailure(facts, settings, thrown)),
    );
  };

/** Until the caller takes more, or nobody waits for more. */
const drained = async (
  call: ServerWritableStream<Buffer, Buffer>,
  signal: AbortSignal,
): Promise<void> => {
  await once(call, 'drain', { signal }).catch((fault: unknown) => {
    signal.throwIfAborted();
    throw fault;
  });
};

/** Hands over one message after another, as fast as the caller takes them. */
const pump = async (
  call: ServerWritableStream<Buffer, Buffer>,
  { method }: Wire,
  messages: AsyncIterable<unknown>,
): Promise<void> => {
  const { signal } = factsOf(call.metadata).stop;
  for await (const message of messages) {
    if (signal.aborted) break;
    if (!call.write(encode(method, message))) await drained(call, signal);
  }
  signal.throwIfAborted();
};

/** Headers tell that everything from now on will be told; for the first message a caller may wait long. */
export const answerMany =
  (wire: Wire, settings: CallSettings) =>
  (call: ServerWritableStream<Buffer, Buffer>): void => {
    const facts = factsOf(call.metadata);
    run(call, wire, settings)
      .then((messages) => {
        call.sendMetadata(new Metadata());
        return pump(call, wire, messages as AsyncIterable<unknown>);
      })
      .then(
        () => call.end(),
        (thrown: unknown) => call.emit('error', settleFailure(facts, settings, thrown)),
      )
      .finally(() => {
        facts.working = false;
      });
  };
