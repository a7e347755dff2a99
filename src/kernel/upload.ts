import type { Readable } from 'node:stream';
import { refusal } from './errors.ts';

export const uploadErrors = {
  fileTooLarge: refusal('too_large', 'FILE_TOO_LARGE', 'The file is too large'),
};

/** The one file of a form, handed out while it arrives: `content` fails with a DomainError when it is cut off or too large. */
export type IncomingFile = {
  field: string;
  filename: string;
  content_type: string;
  content: Readable;
};

/** The text fields of a form, each with every value it was given, in order. */
export type FormFields = Readonly<Record<string, readonly string[]>>;

/**
 * A `multipart/form-data` body (RFC 7578) that is still arriving. `receive` passes the file to
 * `sink` once, in one pass, and answers its result with all text fields, whether they came before or
 * after the file. Refusals of the form itself are DomainErrors; when `sink` fails, its error is thrown.
 * The form may be refused after `sink` has succeeded (it was cut off behind the file): the caller then
 * takes back what `sink` kept.
 */
export interface IncomingForm {
  /** Of the whole body, when the caller declared it (`Content-Length`). */
  readonly declared_bytes: number | undefined;
  receive<T>(sink: (file: IncomingFile) => Promise<T>): Promise<{ stored: T; fields: FormFields }>;
}
