import { sharedErrors } from '#kernel/errors.ts';

/** Runs work of the same key one after another, in the order of asking. */
export type TakeTurn = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/** @param longest of a line, the one whose turn it is included; whoever comes on top is refused */
export const createTurns = (longest: number): TakeTurn => {
  const lines = new Map<string, { last: Promise<unknown>; length: number }>();
  return async (key, work) => {
    const line = lines.get(key) ?? { last: Promise.resolve(), length: 0 };
    if (line.length >= longest) throw sharedErrors.unavailable({ retry_after_seconds: 2 });
    const turn = line.last.then(work, work);
    lines.set(key, Object.assign(line, { last: turn, length: line.length + 1 }));
    try {
      return await turn;
    } finally {
      line.length -= 1;
      if (line.length === 0) lines.delete(key);
    }
  };
};
