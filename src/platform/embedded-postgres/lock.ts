import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { codeOf } from '#kernel/errors.ts';
import { embeddedPostgresErrors } from './errors.ts';
import { createSignature, isSignerAlive } from './process-identity.ts';

const LONGEST_WAIT_MS = 90_000;

/** What a dead process started may still be writing there for a moment. */
const patiently = { recursive: true, force: true, maxRetries: 5 };

/**
 * Runs `work` while no other process does in the same folder.
 * The lock is a directory holding its owner's signature: renaming a claim onto it succeeds for one process only
 * and only while it is empty. The lock of a dead owner is freed by removing that very signature,
 * so that two processes finding it cannot take it from a third one.
 */
export const withLock = async <T>(
  folder: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> => {
  const signature = await createSignature();
  await take(folder, signature, signal);
  try {
    await sweep(folder, 'lock.');
    return await work();
  } finally {
    await rm(join(folder, 'lock', signature), { force: true });
  }
};

const take = async (folder: string, signature: string, signal: AbortSignal | undefined) => {
  const claim = join(folder, `lock.${signature}`);
  const lock = join(folder, 'lock');
  const deadline = performance.now() + LONGEST_WAIT_MS;
  signal?.throwIfAborted();
  await mkdir(claim);
  try {
    await writeFile(join(claim, signature), '');
    while (!(await movesOnto(claim, lock))) {
      if (performance.now() > deadline) throw embeddedPostgresErrors.busy();
      await sweep(lock);
      await wait(10, undefined, { signal });
    }
  } finally {
    await rm(claim, { recursive: true, force: true });
  }
};

const movesOnto = async (claim: string, lock: string): Promise<boolean> => {
  try {
    await rename(claim, lock);
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes(codeOf(error))) return false;
    throw error;
  }
};

/** Removes what dead processes left under `prefix` and tells how many entries of living ones remain. */
export const sweep = async (folder: string, prefix = ''): Promise<number> => {
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix));
  const alive = await Promise.all(names.map((name) => isSignerAlive(name.slice(prefix.length))));
  const dead = names.filter((_, index) => !alive[index]);
  await Promise.all(dead.map((name) => rm(join(folder, name), patiently)));
  return names.length - dead.length;
};
