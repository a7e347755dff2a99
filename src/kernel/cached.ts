/** What a load found. Without tags it is for those who wait for it, and is kept nowhere. */
export type Loaded<V> = { value: V; tags?: readonly string[] | undefined };

/** Values that are kept for a while once they were loaded. What it answers is shared: nobody changes it. */
export interface ReadThrough<V> {
  get(key: string | number, load: () => Promise<Loaded<V>>): V | Promise<V>;
  /** Puts another value in the place of one that this process has in memory; for counters, which tell nobody. */
  patch(key: string | number, change: (value: V) => V): void;
}

/** Told in the transaction of a change of what may no longer be answered from memory: `track:12`. */
export interface CacheTags {
  invalidate(tags: readonly string[]): Promise<void>;
}
