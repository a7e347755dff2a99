import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { MultipartFile } from '@fastify/multipart';
import { uploadErrors, type IncomingFile } from '#kernel/upload.ts';
import type { BodyWatch } from './body-watch.ts';
import { cutOff, orRefuse, refusalOf } from './form-refusals.ts';

const LONGEST_NAME = 255;

/** Passes a file part to `sink` while it arrives, and answers once all of it has come, wanted or not. */
export const receiveFile = async <T>(
  part: MultipartFile,
  sink: (file: IncomingFile) => Promise<T>,
  watch: BodyWatch,
): Promise<T> => {
  const { file, fieldname, filename, mimetype } = part;
  const content = contentOf(file, watch.signal);
  const stored = await sink({
    field: fieldname,
    filename: nameOf(filename),
    content_type: mimetype,
    content,
  });
  content.destroy();
  file.resume();
  await orRefuse(watch.guard(finished(file)));
  return stored;
};

/** The same bytes, but every way to end too early or too late is an error of the stream. */
const contentOf = (file: MultipartFile['file'], broken: AbortSignal): Readable => {
  const content = new Readable({ read: () => file.resume() });
  const fail = (error: unknown) => content.destroy(refusalOf(error));
  file.on('data', (chunk: Buffer) => {
    if (!content.destroyed && !content.push(chunk)) file.pause();
  });
  file.once('end', () => content.push(null));
  file.once('limit', () => fail(uploadErrors.fileTooLarge()));
  file.on('error', fail);
  file.once('close', () => {
    if (!file.readableEnded) fail(cutOff());
  });
  broken.addEventListener('abort', () => fail(broken.reason), { once: true });
  content.on('error', () => {}); // its reader may not have come yet, or may be gone
  if (file.destroyed) fail(file.errored ?? cutOff()); // a short form may have ended before its file was handed out
  return content;
};

/** A name is only ever data, but it shall be storable and printable data. */
const nameOf = (filename: string | undefined): string =>
  (filename ?? '')
    .replaceAll(/\p{Cc}/gu, '')
    .slice(0, LONGEST_NAME)
    .toWellFormed();
