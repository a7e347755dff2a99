import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import {
  assertKey,
  BlobMissing,
  contentKey,
  type BlobStore,
  type StagedBlob,
} from './blob-store.ts';
import { diskError } from './disk-errors.ts';
import { infoOf, makeFolder, moveDurably, openFile, removeOlder, syncFile } from './local-files.ts';
import { writeNewFile, type Written } from './staging.ts';

const probe = Buffer.alloc(4096);

/** Blobs as files in one folder, made when first needed. Staged ones wait in its `tmp`. */
export const createLocalBlobStore = (options: { folder: string }): BlobStore => {
  const folder = resolve(options.folder);
  const waiting = join(folder, 'tmp');
  const pathOf = (key: string): string => {
    assertKey(key);
    return join(folder, 'blobs', key);
  };

  const withNewFile = <T>(work: (path: string) => Promise<T>): Promise<T> => {
    const path = join(waiting, randomUUID());
    return orRemove(path, async () => {
      await makeFolder(waiting);
      return work(path);
    });
  };

  return {
    stage: (content, { max_bytes, signal } = {}) =>
      ending(content, signal, () =>
        withNewFile(async (path) => {
          const written = await writeNewFile(path, { content, max_bytes });
          const publishAs = (key: string) =>
            orRemove(path, () => moveDurably({ from: path, to: pathOf(key), root: folder }));
          return stagedBlob(path, written, publishAs);
        }),
      ),
    check: () =>
      withNewFile(async (path) => {
        await writeFile(path, probe, { mode: 0o600 });
        await rm(path);
      }),
    open: async (key, range) => {
      const content = await openFile(pathOf(key), range);
      if (!content) throw new BlobMissing(key);
      return content;
    },
    withLocalFile: async (key, work) => {
      const path = pathOf(key);
      if (!(await infoOf(path))) throw new BlobMissing(key);
      return work(path);
    },
    head: async (key) => infoOf(pathOf(key)),
    remove: async (key) => rm(pathOf(key), { force: true }),
    sweep: ({ older_than_ms }) => removeOlder(waiting, Date.now() - older_than_ms),
  };
};

/** Nothing stays at `path` when `work` fails, unless the disk does not even let go of it: then `sweep` will. */
const orRemove = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    await rm(path, { force: true }).catch(() => {});
    throw diskError(error);
  }
};

/** Whatever becomes of `work`, `content` is destroyed afterwards; an abort ends both. */
const ending = async <T>(
  content: Readable,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> => {
  content.on('error', () => {}); // one that comes before the first read is met by that read
  if (signal) addAbortSignal(signal, content);
  try {
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    content.destroy();
  }
};

const stagedBlob = (
  path: string,
  written: Written,
  publishAs: (key: string) => Promise<void>,
): StagedBlob => ({
  ...written,
  path,
  flush: () => syncFile(path),
  publish: (key = contentKey(written.sha256)) => publishAs(key),
  discard: () => rm(path, { force: true }),
});
