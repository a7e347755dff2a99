import { refusal } from './errors.ts';

/** Of whoever does not take what comes. */
export const tooSlow = refusal('limit_exceeded', 'SLOW_READER', 'More came than was read');

/**
 * Reads `source` from now on, whether or not anybody takes what came. Whoever has more than `most` waiting is
 * refused with SLOW_READER; the source is then left, and also when it fails or ends.
 */
export const readAhead = <T>(source: AsyncIterable<T>, most: number): AsyncIterable<T> => {
  const waiting: T[] = [];
  let came = Promise.withResolvers<void>();
  let fault: unknown;
  let ended = false;

  const read = async (): Promise<void> => {
    for await (const item of source) {
      if (waiting.length >= most) throw tooSlow();
      waiting.push(item);
      came.resolve();
    }
  };
  void read()
    .catch((thrown: unknown) => {
      fault = thrown;
    })
    .finally(() => {
      ended = true;
      came.resolve();
    });

  return (async function* taken(): AsyncGenerator<T> {
    for (;;) {
      if (fault !== undefined) throw fault;
      if (waiting.length > 0) yield waiting.shift() as T;
      else if (ended) return;
      else {
        await came.promise;
        came = Promise.withResolvers();
      }
    }
  })();
};
