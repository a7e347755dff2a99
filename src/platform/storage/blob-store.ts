import type { Readable } from 'node:stream';
import type { ByteRange } from '#kernel/media.ts';

export type StageOptions = {
  /** One byte more is refused with `FILE_TOO_LARGE`. */
  max_bytes?: number | undefined;
  signal?: AbortSignal | undefined;
};

/** Bytes that have arrived whole but are not published: nobody can open them, and `sweep` removes them in time. */
export type StagedBlob = {
  /** Hexadecimal. */
  readonly sha256: string;
  readonly size_bytes: number;
  /** The first 64 KiB, or all there is: enough to tell the kind of content. */
  readonly head: Buffer;
  /** A local file with the bytes, until `publish` or `discard`. */
  readonly path: string;
  /** Makes the bytes durable, so that `publish` takes no longer than a rename. */
  flush(): Promise<void>;
  /**
   * Makes the bytes readable under `key`, by default their content address. Survives a power cut once it
   * has resolved; publishing what is already there replaces it by the same bytes.
   */
  publish(key?: string): Promise<void>;
  /** Does nothing after `publish` or another `discard`. */
  discard(): Promise<void>;
};

export type BlobInfo = { size_bytes: number; modified_at: Date };

/**
 * Immutable bytes under keys. A full, read-only or over-quota store refuses with `SERVICE_UNAVAILABLE`;
 * a failure leaves nothing half-written behind.
 */
export interface BlobStore {
  /** Takes the bytes in one pass and constant memory. Errors of `content` are thrown as they are. */
  stage(content: Readable, options?: StageOptions): Promise<StagedBlob>;
  /** Fails with `BlobMissing` before any byte when the key, or a byte of the range, is not there. */
  open(key: string, range?: ByteRange): Promise<Readable>;
  head(key: string): Promise<BlobInfo | undefined>;
  /** Also succeeds when there is nothing to remove. */
  remove(key: string): Promise<void>;
  /** Hands `work` the path of a local file with the bytes, which it may read but not keep or change. */
  withLocalFile<T>(key: string, work: (path: string) => Promise<T>): Promise<T>;
  /** Removes staged bytes that nobody touched for so long, and answers how many. */
  sweep(options: { older_than_ms: number }): Promise<number>;
  /** Fails unless bytes can be stored at this moment. */
  check(): Promise<void>;
}

export class BlobMissing extends Error {
  override readonly name = 'BlobMissing';

  constructor(key: string, options?: ErrorOptions) {
    super(`The blob ${key} is missing or cut short`, options);
  }
}

/** Where bytes live by default. Two levels of folders keep each one small. */
export const contentKey = (sha256: string): string =>
  `${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`;

const keyPattern = /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/;

/** Keys come from our own code: a bad one is a bug, and must not leave the store. */
export const assertKey = (key: string): void => {
  if (!keyPattern.test(key) || key.length > 255) throw new Error('Not a blob key');
};
