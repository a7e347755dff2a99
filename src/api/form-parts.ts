import type { Multipart } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import type { BodyWatch } from './body-watch.ts';
import { orRefuse } from './form-refusals.ts';

export const formLimits = {
  fields: 40,
  name_length: 100,
  value_bytes: 64 * 1024,
  /** Of all values together: they are kept until the form has ended, however slowly it comes. */
  text_length: 128 * 1024,
};

// A second file is let in as far as its name, so that the refusal can tell it.
const FILES = 2;
const PARTS = formLimits.fields + FILES;
const HEADER_BYTES = 8 * 1024;

/** What a form may weigh beside its file, rounded up. */
export const MOST_OVERHEAD_BYTES = PARTS * (formLimits.value_bytes + 2 * HEADER_BYTES);

/** The parts of a form as they come. Whatever is wrong with the form, or becomes so, is thrown as a refusal. */
export async function* partsOf(
  req: FastifyRequest,
  max_file_bytes: number,
  watch: BodyWatch,
): AsyncGenerator<Multipart> {
  const arriving = req.parts({
    limits: {
      files: FILES,
      parts: PARTS,
      fields: formLimits.fields,
      fieldSize: formLimits.value_bytes,
      fileSize: max_file_bytes,
      headerPairs: 20,
      headerSize: HEADER_BYTES,
    },
  });
  for (;;) {
    const next = await orRefuse(watch.guard(arriving.next()));
    if (next.done) return;
    yield next.value;
  }
}
