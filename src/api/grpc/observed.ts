import {
  type Metadata,
  type ServerInterceptor,
  type ServerInterceptingCall,
  status as codes,
} from '@grpc/grpc-js';
import type { Origin } from '#kernel/actor.ts';
import { refusal, sharedErrors } from '#kernel/errors.ts';
import { shortAgent } from '../callers.ts';
import type { TokenClaims } from '../context.ts';
import { newRequestId, requestIdFrom } from '../request-id.ts';
import { nameOf, settled, type Status, statusOf } from './statuses.ts';

type Base = Parameters<ServerInterceptor>[1];
type Listener = Parameters<Base['start']>[0];

/** One call from its first header to its last, whatever becomes of it. */
export type CallFacts = {
  readonly path: string;
  readonly streams: boolean;
  readonly began: number;
  readonly base: Base;
  /** Known as soon as the headers are. */
  origin: Origin;
  user_id: number | null;
  claims: TokenClaims | undefined;
  /** The stable code of the refusal it is answered with. */
  reason: string | null;
  /** Whether its message has arrived whole. */
  arrived: boolean;
  /** Whether its method is at work. */
  working: boolean;
  /** Aborted when nobody waits for the answer any more: the caller has left, its deadline passed, or we stop. */
  stop: AbortController;
};

/** How a call ended, for log and metrics. */
export interface CallObserver {
  began(): void;
  ended(facts: CallFacts, code: number): void;
}

const FACTS = 'veza.facts';

export const factsOf = (metadata: Metadata): CallFacts => metadata.getOpaque(FACTS) as CallFacts;

export const tooSlow = refusal(
  'unavailable',
  'REQUEST_TIMEOUT',
  'The request did not arrive in time',
);

/** Why work is given up; nobody is told. */
const gone = sharedErrors.unavailable({ message: 'Nobody waits for the answer' });

const LONGEST_ARRIVAL_MS = 10_000;
const SWEEP_MS = 1000;

const originOf = (base: Base, metadata: Metadata): Origin => ({
  ip_address: base.getConnectionInfo().remoteAddress ?? '',
  user_agent: shortAgent(String(metadata.get('user-agent')[0] ?? '')),
  request_id: requestIdFrom(metadata.get('x-request-id')[0]),
});

/** The library's wrapper would copy each event twice, for half of what a call costs; it asks no more than this of one. */
const inPlace = (base: Base): ServerInterceptingCall => base as ServerInterceptingCall;

const factsFor = (path: string, streams: boolean, base: Base): CallFacts => ({
  path,
  streams,
  began: performance.now(),
  base,
  origin: {
    ip_address: base.getConnectionInfo().remoteAddress ?? '',
    user_agent: '',
    request_id: '',
  },
  user_id: null,
  claims: undefined,
  reason: null,
  arrived: false,
  working: false,
  stop: new AbortController(),
});

/** Notes what comes in, on its way to the library. */
const listening = (
  facts: CallFacts,
  next: Listener,
  cancelled: (facts: CallFacts) => void,
): Listener => ({
  onReceiveMetadata(metadata) {
    facts.origin = originOf(facts.base, metadata);
    metadata.setOpaque(FACTS, facts);
    next.onReceiveMetadata(metadata);
  },
  onReceiveMessage(message) {
    facts.arrived = true;
    next.onReceiveMessage(message);
  },
  onReceiveHalfClose: () => next.onReceiveHalfClose(),
  onCancel() {
    cancelled(facts);
    if (facts.working) facts.stop.abort(gone);
    next.onCancel();
  },
});

/** What goes out instead of `given`: with the request id, and a stable code where it had none. */
const outgoing = (facts: CallFacts, given: Parameters<Base['sendStatus']>[0]): Status => {
  const { reason, ...status } = settled(given);
  if (reason) facts.reason = reason;
  if (facts.origin.request_id === '')
    facts.origin = { ...facts.origin, request_id: newRequestId() };
  status.metadata.set('x-request-id', facts.origin.request_id);
  return status;
};

const giveUpLate = (open: Iterable<CallFacts>): void => {
  const late = performance.now() - LONGEST_ARRIVAL_MS;
  for (const { arrived, began, base } of open)
    if (!arrived && began < late) base.sendStatus(statusOf(tooSlow()));
};

/**
 * Sees every status on its way out, those that the library makes by itself, too: gives each a stable code and the
 * request id, counts and logs it once. Requests that do not arrive in ten seconds are given up.
 */
export const createObservation = (observer: CallObserver) => {
  const open = new Set<CallFacts>();

  const end = (facts: CallFacts, code: number): void => {
    if (open.delete(facts)) observer.ended(facts, code);
  };

  const cancelled = (facts: CallFacts): void => {
    if (!open.has(facts)) return;
    facts.reason = nameOf(codes.CANCELLED);
    end(facts, codes.CANCELLED);
  };

  const interceptor: ServerInterceptor = ({ path, responseStream }, base) => {
    const facts = factsFor(path, responseStream, base);
    open.add(facts);
    observer.began();
    const send = base.sendStatus.bind(base);
    base.sendStatus = (given) => {
      const status = outgoing(facts, given);
      end(facts, status.code);
      send(status);
    };
    const start = base.start.bind(base);
    base.start = (listener) => start(listening(facts, listener, cancelled));
    return inPlace(base);
  };

  const sweeping = setInterval(() => giveUpLate(open), SWEEP_MS);
  sweeping.unref();

  return { interceptor, open, close: () => clearInterval(sweeping) };
};
