import type { Readable } from 'node:stream';
import { z } from 'zod';
import { refusal } from './errors.ts';
import { textDecoder } from './text-fields.ts';
import { parseWith } from './validation.ts';

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
export interface IncomingForm<F = FormFields> {
  /** Of the whole body, when the caller declared it (`Content-Length`). */
  readonly declared_bytes: number | undefined;
  receive<T>(sink: (file: IncomingFile) => Promise<T>): Promise<{ stored: T; fields: F }>;
}

const isIncomingForm = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'receive' in value;

type ReadFields<F> = (fields: FormFields) => F;

const fieldsReader = <S extends z.ZodObject>(schema: S): ReadFields<z.output<S>> => {
  const decode = textDecoder(schema);
  return (fields) => {
    const single = Object.entries(fields).map(([name, values]) => [
      name,
      values.length === 1 ? values[0] : values,
    ]);
    return parseWith(schema, decode(Object.fromEntries(single)));
  };
};

const withFields = <F>(form: IncomingForm, read: ReadFields<F>): IncomingForm<F> => ({
  declared_bytes: form.declared_bytes,
  async receive(sink) {
    const { stored, fields } = await form.receive(sink);
    return { stored, fields: read(fields) };
  },
});

/**
 * The input of a procedure that takes a form: typed clients send `FormData`, the procedure gets the
 * form as it arrives, with its fields read and checked by `schema`.
 */
export const formInput = <S extends z.ZodObject>(schema: S) => {
  const read = fieldsReader(schema);
  return z
    .custom<FormData>(isIncomingForm, 'Must be multipart/form-data')
    .transform((form) => withFields(form as unknown as IncomingForm, read));
};
