import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '#kernel/errors.ts';

/**
 * A secret that was not configured, kept in `folder` so that restarts and other processes there share it.
 * The first process to ask makes it; a half-written one is never seen.
 */
export const keptSecret = async (folder: string, name: string): Promise<string> => {
  const file = join(folder, `${name}.secret`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, randomBytes(48).toString('base64url'), { mode: 0o600 });
  await link(draft, file).catch((fault: unknown) => {
    if (codeOf(fault) !== 'EEXIST') throw fault;
  });
  await rm(draft);
  return readFile(file, 'utf8');
};
