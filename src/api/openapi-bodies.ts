import type { Route } from '#kernel/route.ts';
import { exampleOf } from './openapi-examples.ts';
import type { Body, Schema, Schemas } from './openapi-schemas.ts';

const file = (names: readonly string[]): Schema => ({
  type: 'string',
  format: 'binary',
  description: names.length > 1 ? `The file; exactly one of ${names.join(', ')}` : 'The file',
});

const without = (schema: Schema, keyword: string): Schema =>
  Object.fromEntries(Object.entries(schema).filter(([name]) => name !== keyword));

/** A field of a form is text: it can be absent, not null; several values are several fields. */
const asField = (field: Schema): Schema => ({
  ...without(field, 'nullable'),
  ...(field.type === 'array' && {
    description: [field.description, 'Repeat the field for each value'].filter(Boolean).join('. '),
  }),
});

const formBody = (names: readonly string[], { properties = {}, ...schema }: Schema): Body => {
  const files = names.map((name) => [name, file(names)]);
  const fields = Object.entries(properties).map(([name, field]) => [name, asField(field)]);
  const form: Schema = { ...schema, properties: Object.fromEntries([...files, ...fields]) };
  if (names.length === 1) form.required = [...names, ...(schema.required ?? [])];
  return { required: true, content: { 'multipart/form-data': { schema: form } } };
};

/** What the operation takes as a body, given what its fields are; undefined when it takes none. */
export const bodyOf = (
  { form, example }: Route,
  schema: Schema | undefined,
  schemas: Schemas,
): Body | undefined => {
  if (form) return formBody(form.file, schema ?? {});
  if (!schema?.properties || Object.keys(schema.properties).length === 0) return undefined;
  const sample = example?.input ?? exampleOf(schema, { schemas, name: '' });
  return {
    required: (schema.required ?? []).length > 0,
    content: { 'application/json': { schema, example: sample } },
  };
};
