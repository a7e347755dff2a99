import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { codeOf } from '#kernel/errors.ts';
import type { ByteRange } from '#kernel/media.ts';
import type { BlobInfo } from './blob-store.ts';

const ifPresent = async <T>(work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
};

export const makeFolder = (path: string) => mkdir(path, { recursive: true, mode: 0o700 });

export const infoOf = async (path: string): Promise<BlobInfo | undefined> => {
  const found = await ifPresent(stat(path));
  return found && { size_bytes: found.size, modified_at: found.mtime };
};

/** Undefined when the file is not there or ends before the range does. */
export const openFile = async (path: string, range?: ByteRange): Promise<Readable | undefined> => {
  const file = await ifPresent(open(path, 'r'));
  if (!file) return undefined;
  try {
    const { size } = await file.stat();
    if (!range || range.end < size) return file.createReadStream(range);
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return undefined;
};

type Move = { from: string; to: string; root: string };

/**
 * Moves a file within its file system so that a power cut leaves the old state or the new one, whole. Every
 * folder from the file's up to `root` is synced: another move may have made one without having synced it yet.
 */
export const moveDurably = async ({ from, to, root }: Move): Promise<void> => {
  await syncFile(from);
  await makeFolder(dirname(to));
  await rename(from, to);
  for (let folder = to; folder !== root;) {
    folder = dirname(folder);
    await sync(folder, 'r');
  }
};

/** Of a folder, this makes the names in it durable. */
const sync = async (path: string, flags: 'r' | 'r+'): Promise<void> => {
  await using file = await open(path, flags);
  await file.sync();
};

export const syncFile = (path: string) => sync(path, 'r+');

/** Removes the files of a folder that were last written before `time`, and answers how many. */
export const removeOlder = async (folder: string, time: number): Promise<number> => {
  let removed = 0;
  for (const name of (await ifPresent(readdir(folder))) ?? []) {
    const path = join(folder, name);
    const info = await infoOf(path);
    if (!info || info.modified_at.getTime() > time) continue;
    await rm(path, { force: true });
    removed += 1;
  }
  return removed;
};
