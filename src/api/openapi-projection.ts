import type { OpenApiMeta, OpenApiRouter } from 'trpc-to-openapi';
import { z } from 'zod';
import { timestamp } from '#kernel/fields.ts';
import type { Route } from '#kernel/route.ts';
import { VERSION } from './envelope.ts';
import type { Procedure } from './procedures.ts';

const answerMeta = z
  .object({ timestamp: timestamp(), request_id: z.string(), version: z.literal(VERSION) })
  .meta({ id: 'AnswerMeta' });

/** The shape of every refusal. */
export const errorAnswer = z
  .object({
    success: z.literal(false),
    error: z.object({
      code: z.string().describe('Stable: branch on it'),
      message: z.string().describe('For people; may change'),
      details: z
        .array(
          z.object({
            field: z.string().describe('Dotted path; empty for the whole'),
            message: z.string(),
          }),
        )
        .describe('All problems at once'),
    }),
    meta: z.object({ timestamp: timestamp(), request_id: z.string() }),
  })
  .meta({ id: 'ErrorAnswer' });

const isPage = (output: z.ZodType): output is z.ZodObject =>
  output instanceof z.ZodObject && 'data' in output.shape && 'pagination' in output.shape;

/** The same envelope that `envelope` writes. */
const answerOf = ({ output }: Route): z.ZodType => {
  const content: z.ZodRawShape = isPage(output) ? output.shape : { data: output };
  return z.object({
    success: z.literal(true),
    message: z.string(),
    ...content,
    meta: answerMeta,
  });
};

const objectIn = (input: z.ZodType): z.ZodObject => {
  if (input instanceof z.ZodObject) return input;
  if (input instanceof z.ZodPrefault || input instanceof z.ZodDefault)
    return objectIn(input.unwrap() as z.ZodType);
  throw new Error('The input of a route is an object or a form');
};

/** What is said of an optional field is said of the field inside, where the generator looks for it. */
const described = (field: z.ZodType): z.ZodType => {
  if (!(field instanceof z.ZodOptional) || !field.description) return field;
  return (field.unwrap() as z.ZodType).describe(field.description).optional();
};

/** Copies of the fields, without what the generator cannot read: refinements of the whole. */
const inputOf = ({ input, form }: Route): z.ZodType => {
  const { shape } = form ? form.fields : objectIn(input);
  const fields = Object.entries(shape).map(([name, field]) => [name, described(field)]);
  return z.strictObject(Object.fromEntries(fields) as z.ZodRawShape);
};

const metaOf = ({ method, path, form }: Route): OpenApiMeta => ({
  openapi: {
    method,
    path,
    contentTypes: [form ? 'multipart/form-data' : 'application/json'],
    errorResponses: {},
  },
});

const projected = ({ type, route }: Procedure) => ({
  _def: {
    type,
    inputs: [inputOf(route)],
    output: route.media ? z.string() : answerOf(route),
    meta: metaOf(route),
  },
});

/**
 * The contracts as the generator takes them: of a router it reads nothing but this. It sees the body that REST
 * takes and the envelope that REST answers, which the procedures themselves do not know.
 */
export const projectionOf = (procedures: readonly Procedure[]): OpenApiRouter => {
  const record = Object.fromEntries(
    procedures.map((procedure) => [procedure.path, projected(procedure)]),
  );
  return { _def: { procedures: record } } as unknown as OpenApiRouter;
};
