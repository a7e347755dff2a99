import { setTimeout as wait } from 'node:timers/promises';

const LONGEST_MS = 10_000;

/** Waits outside of a test, too, until something holds. */
export const until = async (holds: () => boolean): Promise<void> => {
  for (const end = performance.now() + LONGEST_MS; !holds(); await wait(10))
    if (performance.now() > end) throw new Error('Waited in vain');
};
