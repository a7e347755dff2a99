import type { Loaded } from '#kernel/cached.ts';
import { EVERYTHING, isTouched } from './entry.ts';

export type Flight = {
  /** What was invalidated since it began. */
  readonly invalidated: readonly string[];
};

type Begun = { invalidated: string[]; landing: Promise<Loaded<unknown>> };

/**
 * One load at a time for each key, whoever asks. Who joins a load after something was invalidated must not get what
 * it found before: they ask again.
 */
export const createFlights = () => {
  const begun = new Map<string, Begun>();

  const begin = <V>(key: string, load: (flight: Flight) => Promise<Loaded<V>>): Promise<V> => {
    const invalidated: string[] = [];
    const landing = load({ invalidated }).finally(() => begun.delete(key));
    begun.set(key, { invalidated, landing });
    return landing.then(({ value }) => value);
  };

  const join = async <V>(
    key: string,
    load: (flight: Flight) => Promise<Loaded<V>>,
    again: () => V | Promise<V>,
  ): Promise<V> => {
    const flight = begun.get(key);
    if (!flight) return begin(key, load);
    const before = flight.invalidated.slice();
    const { value, tags } = await flight.landing;
    // One key is of one kind, whose values are all of one type.
    return isTouched(tags, before) ? again() : (value as V);
  };

  return {
    has: (key: string): boolean => begun.has(key),
    join,
    invalidate(tags: readonly string[]): void {
      for (const { invalidated } of begun.values()) invalidated.push(...tags);
    },
    invalidateAll(): void {
      for (const { invalidated } of begun.values()) invalidated.push(EVERYTHING);
    },
  };
};
