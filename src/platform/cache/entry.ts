export type Level = 1 | 2 | 3;

/** How values are kept as text: in Redis, in PostgreSQL, and to tell how much memory they take. */
export type Codec<V> = { write: (value: V) => string; read: (text: string) => V };

export type KindSettings<V> = {
  name: string;
  /** Another number whenever values have another shape: what older processes kept is then not read. */
  schema: number;
  /** A value is fresh for so long at least, and as long as the ceiling the more it is read; nothing lives longer. */
  floor_ms: number;
  ceiling_ms: number;
  /** For so long at the end of its life a value is answered while another one is loaded; no part of the floor. */
  stale_ms?: number;
  /** How long it is kept that there is nothing; never, when absent. */
  negative_ms?: number;
  /** Memory and Redis when absent; the third is for what takes the database long. */
  levels?: readonly Level[];
  /** JSON when absent. */
  codec?: Codec<V>;
};

/** A value as it travels between levels; it is fresh for so long after it was asked for. */
export type Kept = { text: string; tags: readonly string[]; fresh_ms: number };

/** Everything that was kept in any level may be wrong: matches every tag. */
export const EVERYTHING = '*';

const tagShape = /^[a-z]+:[\w.-]{1,100}$/;

/** Tags are words like `track:12`: they are joined by spaces on their way. */
export const assertTags = (tags: readonly string[]): void => {
  for (const tag of tags) if (!tagShape.test(tag)) throw new Error(`No tag: ${tag}`);
};

/** Whether what has these tags, or is not known to have any, is concerned by an invalidation. */
export const isTouched = (
  tags: readonly string[] | undefined,
  invalidated: readonly string[],
): boolean =>
  invalidated.length > 0 &&
  (tags === undefined || invalidated.some((tag) => tag === EVERYTHING || tags.includes(tag)));
