import multipart, { type Multipart, type MultipartValue } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { sharedErrors } from '#kernel/errors.ts';
import {
  uploadErrors,
  type FormFields,
  type IncomingFile,
  type IncomingForm,
} from '#kernel/upload.ts';
import { watchBody, type BodyWatch } from './body-watch.ts';
import { drainBody, lingering } from './early-answer.ts';
import { receiveFile } from './form-file.ts';
import { formLimits, MOST_OVERHEAD_BYTES, partsOf } from './form-parts.ts';
import { cutOff, refuseField } from './form-refusals.ts';

/**
 * Lets the requests of a scope carry `multipart/form-data`; nothing of it is read before `incomingForm` is
 * asked to. Only for routes that take forms: it costs every request of the scope two hooks.
 */
export const forms = fp(
  async (app) => {
    await app.register(multipart);
  },
  { name: 'forms', fastify: '5.x' },
);

type Options = {
  /** The names under which the one file may come. */
  file_fields: readonly string[];
  max_file_bytes: number;
  /** After so long without a byte the upload is refused. */
  idle_ms?: number;
};

export const incomingForm = (
  req: FastifyRequest,
  { idle_ms = 30_000, ...options }: Options,
): IncomingForm => {
  const declared = req.headers['content-length'];
  const declared_bytes = declared === undefined ? undefined : Number(declared);
  const max_bytes = options.max_file_bytes + MOST_OVERHEAD_BYTES;

  return {
    declared_bytes,
    receive: async (sink) => {
      if (!req.isMultipart()) throw sharedErrors.unsupportedMedia();
      if (declared_bytes !== undefined && declared_bytes > max_bytes) {
        throw uploadErrors.fileTooLarge();
      }
      if (req.raw.destroyed) throw cutOff();
      const watch = watchBody(req.raw, { max_bytes, idle_ms });
      try {
        return await receiveParts({ req, watch, ...options }, sink);
      } finally {
        watch.stop();
      }
    },
  };
};

type Arriving = Omit<Options, 'idle_ms'> & { req: FastifyRequest; watch: BodyWatch };

const receiveParts = async <T>(
  { req, watch, file_fields, max_file_bytes }: Arriving,
  sink: (file: IncomingFile) => Promise<T>,
): Promise<{ stored: T; fields: FormFields }> => {
  const fields: Record<string, string[]> = Object.create(null);
  let text_length = 0;
  let received: { stored: T } | undefined;
  for await (const part of partsOf(req, max_file_bytes, watch)) {
    const name = nameOf(part);
    const forFile = file_fields.includes(name);
    if (part.type === 'field') {
      if (forFile) throw refuseField(name, 'Must be a file');
      const value = valueOf(part);
      text_length += value.length;
      if (text_length > formLimits.text_length) throw refuseField('', 'The fields are too large');
      (fields[name] ??= []).push(value);
    } else {
      if (!forFile) throw refuseField(name, 'Must not be a file');
      if (received) throw refuseField(name, 'Must be the only file');
      received = { stored: await receiveFile(part, sink, watch) };
    }
  }
  if (!received) throw refuseField(file_fields[0] ?? '', 'A file is required');
  await drainBody(req.raw, lingering);
  return { ...received, fields };
};

/** The parser's types promise a name, but parts may come without. */
const nameOf = (part: Multipart): string => {
  const name = part.fieldname as string | undefined;
  if (name === undefined) throw refuseField('', 'Every part needs a name');
  if (name.length <= formLimits.name_length) return name;
  throw refuseField(name.slice(0, formLimits.name_length), 'This name is too long');
};

/** A part that calls itself JSON comes parsed. */
const valueOf = ({ fieldname, value, valueTruncated }: MultipartValue): string => {
  if (valueTruncated)
    throw refuseField(fieldname, `Must not be over ${formLimits.value_bytes} bytes`);
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value);
  } catch {
    throw refuseField(fieldname, 'Is nested too deeply');
  }
};
