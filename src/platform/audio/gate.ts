/** Lets so many in at a time; the others wait in order, and leave the queue when their signal says so. */
export const createGate = (width: number) => {
  const waiting = new Set<() => void>();
  let inside = 0;

  const enter = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      if (inside < width) {
        inside++;
        resolve();
        return;
      }
      const admit = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        waiting.delete(admit);
        reject(signal.reason as Error);
      };
      waiting.add(admit);
      signal.addEventListener('abort', leave, { once: true });
    });

  const exit = () => {
    const [next] = waiting;
    if (!next) {
      inside--;
      return;
    }
    waiting.delete(next);
    next();
  };

  return {
    async pass<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
      await enter(signal);
      try {
        return await work();
      } finally {
        exit();
      }
    },
  };
};
