import { LRUCache } from 'lru-cache';

export type Entry = {
  kind: string;
  value: unknown;
  tags: readonly string[];
  /** On the clock of `performance`: until then it is answered without a thought, and until then at all. */
  fresh_until: number;
  gone_at: number;
  hits: number;
  size_bytes: number;
};

type Settings = { max_bytes: number; evicted: (kind: string) => void };

/** Entries by tag, so that those of a tag are found without looking at the others. */
const createIndex = () => {
  const keys = new Map<string, Set<string>>();
  return {
    add(tag: string, key: string): void {
      const tagged = keys.get(tag);
      if (tagged) tagged.add(key);
      else keys.set(tag, new Set([key]));
    },
    remove(tag: string, key: string): void {
      const tagged = keys.get(tag);
      tagged?.delete(key);
      if (tagged?.size === 0) keys.delete(tag);
    },
    of: (tag: string): string[] => [...(keys.get(tag) ?? [])],
  };
};

const OVERHEAD_BYTES = 400;
const TAG_BYTES = 150;

/** About what an entry takes of the heap: the value as an object is about twice its text. */
export const sizeOf = (key: string, text: string, tags: readonly string[]): number =>
  OVERHEAD_BYTES + 2 * (key.length + text.length) + TAG_BYTES * tags.length;

/** The memory of this process, bounded in bytes: the least used go first. */
export const createMemoryLevel = ({ max_bytes, evicted }: Settings) => {
  const index = createIndex();
  const entries = new LRUCache<string, Entry>({
    maxSize: max_bytes,
    maxEntrySize: Math.ceil(max_bytes / 8),
    sizeCalculation: ({ size_bytes }) => size_bytes,
    dispose: ({ tags, kind }, key, reason) => {
      for (const tag of tags) index.remove(tag, key);
      if (reason === 'evict') evicted(kind);
    },
  });
  return {
    get: (key: string): Entry | undefined => entries.get(key),
    set(key: string, entry: Entry): void {
      entries.set(key, entry);
      if (entries.peek(key) === entry) for (const tag of entry.tags) index.add(tag, key);
    },
    invalidate(tags: readonly string[]): void {
      for (const tag of tags) for (const key of index.of(tag)) entries.delete(key);
    },
    clear: (): void => entries.clear(),
    bytes: (): number => entries.calculatedSize,
  };
};

export type MemoryLevel = ReturnType<typeof createMemoryLevel>;
