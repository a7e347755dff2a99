import { Ajv, type ValidateFunction } from 'ajv';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** In OpenAPI 3.0 an exclusive bound is a switch beside the bound; in JSON Schema it is the bound itself. */
const withNumericBounds = (schema: Record<string, unknown>): Record<string, unknown> => {
  const { exclusiveMinimum, exclusiveMaximum, minimum, maximum, ...rest } = schema;
  return {
    ...rest,
    ...(exclusiveMinimum === true ? { exclusiveMinimum: minimum } : { minimum }),
    ...(exclusiveMaximum === true ? { exclusiveMaximum: maximum } : { maximum }),
  };
};

/** `nullable` without a type beside it, as on references, is an alternative. */
const withNullBranch = ({
  nullable,
  ...schema
}: Record<string, unknown>): Record<string, unknown> =>
  nullable === true ? { anyOf: [schema, { type: 'null' }] } : schema;

const asJsonSchema = (part: unknown): unknown => {
  if (Array.isArray(part)) return part.map(asJsonSchema);
  if (!isRecord(part)) return part;
  const converted = Object.fromEntries(
    Object.entries(part).map(([name, value]) => [name, asJsonSchema(value)]),
  );
  const hasBound = typeof part['minimum'] === 'number' || typeof part['maximum'] === 'number';
  const bounded = hasBound ? withNumericBounds(converted) : converted;
  return 'nullable' in part && !('type' in part) ? withNullBranch(bounded) : bounded;
};

const formats = {
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  date: /^\d{4}-\d\d-\d\d$/,
  email: /^[^@\s]+@[^@\s]+$/,
  uri: (text: string) => URL.canParse(text),
  int64: { type: 'number' as const, validate: Number.isSafeInteger },
  double: true as const,
  binary: true as const,
};

/** Compiles the schemas of a document when they are first needed; `pointer` is the path to one within it. */
export const createResponseSchemas = (document: object) => {
  const ajv = new Ajv({ strict: false, allErrors: true, formats });
  ajv.addSchema(asJsonSchema(document) as object, 'document', false, false);
  const compiled = new Map<string, ValidateFunction>();
  return (pointer: readonly (string | number)[]): ValidateFunction => {
    const path = pointer.map((part) =>
      encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1')),
    );
    const $ref = `document#/${path.join('/')}`;
    const known = compiled.get($ref) ?? ajv.compile({ $ref });
    compiled.set($ref, known);
    return known;
  };
};
