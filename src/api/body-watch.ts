import type { IncomingMessage } from 'node:http';
import { sharedErrors } from '#kernel/errors.ts';
import { uploadErrors } from '#kernel/upload.ts';

type Bounds = { max_bytes: number; idle_ms: number };

export type BodyWatch = {
  /** Aborted with a refusal when the body is too large or stalls. */
  readonly signal: AbortSignal;
  /** Settles as `work` does, or rejects with the refusal as soon as there is one. */
  guard<T>(work: Promise<T>): Promise<T>;
  stop(): void;
};

/** Watches a body that somebody else reads. While that reader holds it back, its silence is not the client's. */
export const watchBody = (body: IncomingMessage, { max_bytes, idle_ms }: Bounds): BodyWatch => {
  const { signal, abort, guard } = createBreaker();
  let bytes = 0;
  const timer = setTimeout(() => {
    if (body.isPaused()) timer.refresh();
    else abort(sharedErrors.validation({ message: 'The upload stalled' }));
  }, idle_ms);
  const onData = (chunk: Buffer) => {
    timer.refresh();
    bytes += chunk.length;
    if (bytes > max_bytes) abort(uploadErrors.fileTooLarge());
  };
  body.on('data', onData);
  const stop = () => {
    clearTimeout(timer);
    body.off('data', onData);
  };
  return { signal, guard, stop };
};

const createBreaker = () => {
  const controller = new AbortController();
  const { promise: broken, reject } = Promise.withResolvers<never>();
  broken.catch(() => {}); // whoever waits for nothing need not hear of it
  return {
    signal: controller.signal,
    abort: (error: Error) => {
      controller.abort(error);
      reject(error);
    },
    guard: <T>(work: Promise<T>): Promise<T> => Promise.race([work, broken]),
  };
};
