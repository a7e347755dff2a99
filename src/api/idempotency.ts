import { createHash } from 'node:crypto';
import { pipeline, Transform } from 'node:stream';
import { causesOf, invalidFields, refusal, sharedErrors } from '#kernel/errors.ts';
import type { Route } from '#kernel/route.ts';
import type { IncomingForm } from '#kernel/upload.ts';

export const idempotencyErrors = {
  reused: refusal(
    'unprocessable',
    'IDEMPOTENCY_KEY_REUSED',
    'This key was used with another request',
  ),
};

export type StoredAnswer = { status: number; headers: Record<string, string>; body: string };

/** What is known of a key: it is ours to use, somebody is using it, or it was used. */
export type Claim =
  | { state: 'claimed'; lease: string }
  | { state: 'running' }
  | { state: 'stored'; fingerprint: string; answer: StoredAnswer };

/** Where keys are kept for 24 hours. A lease that is not renewed ends by itself: its process died. */
export interface IdempotencyKeys {
  claim(key: { user_id: number; key: string }): Promise<Claim>;
  renew(lease: string): Promise<void>;
  store(lease: string, fingerprint: string, answer: StoredAnswer): Promise<void>;
  release(lease: string): Promise<void>;
}

const RENEW_MS = 10_000;

/** A request as far as the same key must find it the same. */
const createFingerprint = (operation: string, input: unknown) => {
  const hash = createHash('sha256').update(`${operation}\n${JSON.stringify(input) ?? ''}`);
  return {
    add: (part: string | Buffer) => void hash.update(part),
    end: () => hash.digest('hex'),
  };
};
type Fingerprint = ReturnType<typeof createFingerprint>;

/** Adds the file and the fields to the fingerprint while they pass, then lets `check` refuse them. */
const watched = (form: IncomingForm, print: Fingerprint, check: () => void): IncomingForm => ({
  declared_bytes: form.declared_bytes,
  async receive(sink) {
    const received = await form.receive((file) => {
      const content = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          print.add(chunk);
          done(null, chunk);
        },
      });
      pipeline(file.content, content, () => undefined);
      return sink({ ...file, content });
    });
    print.add(JSON.stringify(received.fields));
    check();
    return received;
  },
});

/** Thrown out of a procedure whose request turned out to be answered already. */
class Answered extends Error {
  readonly answer: StoredAnswer;

  constructor(answer: StoredAnswer) {
    super('answered before');
    this.answer = answer;
  }
}

type Call = {
  user_id: number;
  key: string;
  operation: string;
  input: unknown;
  /** Present when the body is a form: its content counts as soon as it has passed. */
  form: (() => IncomingForm) | undefined;
  run: (form: (() => IncomingForm) | undefined) => Promise<StoredAnswer>;
};

/** Keys are heeded by everything that makes something, but for signing in. */
export const takesIdempotencyKey = ({ method, tag }: Route): boolean =>
  method === 'POST' && tag !== 'auth';

const isKey = (key: string): boolean => key.length >= 1 && key.length <= 255;

const replayIn = (thrown: unknown): StoredAnswer | undefined => {
  for (const cause of causesOf(thrown)) if (cause instanceof Answered) return cause.answer;
  return undefined;
};

const runClaimed = async (
  keys: IdempotencyKeys,
  call: Call,
  lease: string,
): Promise<StoredAnswer> => {
  const print = createFingerprint(call.operation, call.input);
  const { form } = call;
  const renewing = setInterval(() => void keys.renew(lease).catch(() => undefined), RENEW_MS);
  try {
    const answer = await call.run(form && (() => watched(form(), print, () => undefined)));
    await keys.store(lease, print.end(), answer);
    return answer;
  } catch (fault) {
    await keys.release(lease).catch(() => undefined);
    throw fault;
  } finally {
    clearInterval(renewing);
  }
};

/** The request is read again to its end, only to learn whether it is the same. */
const replay = async (
  call: Call,
  stored: Extract<Claim, { state: 'stored' }>,
): Promise<StoredAnswer> => {
  const print = createFingerprint(call.operation, call.input);
  const compare = () => {
    if (print.end() !== stored.fingerprint) throw idempotencyErrors.reused();
    throw new Answered(stored.answer);
  };
  const { form } = call;
  try {
    if (!form) compare();
    await call.run(form && (() => watched(form(), print, compare)));
  } catch (thrown) {
    const answer = replayIn(thrown);
    if (answer) return answer;
    throw thrown;
  }
  throw new Error('A form was answered without being received');
};

/**
 * Runs a call once for each key of a user (draft-ietf-httpapi-idempotency-key-header): the same request
 * again gets the stored answer. Only successes are stored: a refusal has changed nothing.
 */
export const once = async (
  keys: IdempotencyKeys,
  call: Call,
): Promise<{ answer: StoredAnswer; replayed: boolean }> => {
  if (!isKey(call.key))
    throw invalidFields([{ field: 'Idempotency-Key', message: 'Must have 1 to 255 characters' }]);
  const claim = await keys.claim(call);
  if (claim.state === 'running')
    throw sharedErrors.conflict({
      message: 'A request with this key is still running',
      retry_after_seconds: 1,
    });
  if (claim.state === 'stored') return { answer: await replay(call, claim), replayed: true };
  return { answer: await runClaimed(keys, call, claim.lease), replayed: false };
};
