import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { uploadErrors } from '#kernel/upload.ts';
import type { StageOptions } from './blob-store.ts';

const HEAD_BYTES = 64 * 1024;

export type Written = { sha256: string; size_bytes: number; head: Buffer };

type Source = Pick<StageOptions, 'max_bytes'> & { content: Readable };

/** Writes `content` to a new file that only we may read, hashing on the way; on failure the file may be left partial. */
export const writeNewFile = async (path: string, source: Source): Promise<Written> => {
  await using file = await open(path, 'wx', 0o600);
  return await copyHashed(file, source);
};

const copyHashed = async (
  file: FileHandle,
  { content, max_bytes = Infinity }: Source,
): Promise<Written> => {
  const hash = createHash('sha256');
  let head: Buffer = Buffer.alloc(0);
  let size_bytes = 0;
  for await (const chunk of chunksOf(content)) {
    size_bytes += chunk.length;
    if (size_bytes > max_bytes) throw uploadErrors.fileTooLarge();
    if (head.length < HEAD_BYTES) {
      head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES - head.length)]);
    }
    const written = file.writeFile(chunk);
    hash.update(chunk); // while the kernel takes the same bytes
    await written;
  }
  return { sha256: hash.digest('hex'), size_bytes, head };
};

/** Streams of bytes yield buffers: none here is in object mode or has an encoding. */
const chunksOf = (content: Readable) => content as AsyncIterable<Buffer>;
