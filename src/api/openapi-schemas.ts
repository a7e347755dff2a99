/** A schema object of OpenAPI 3.0, as far as it is touched here. */
export type Schema = {
  $ref?: string;
  type?: string;
  format?: string;
  description?: string;
  nullable?: boolean;
  enum?: unknown[];
  example?: unknown;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  [keyword: string]: unknown;
};

export type Schemas = Readonly<Record<string, Schema>>;

export type Body = {
  required: boolean;
  content: Record<string, { schema: Schema; example?: unknown }>;
};

export type Reference = { $ref: string };
export type Response = {
  description: string;
  headers: Record<string, Reference>;
  content?: Record<string, { schema: Schema; example?: unknown; examples?: object }>;
};
export type Responses = Record<string, Response | Reference>;

export const ref = (kind: string, name: string): Reference => ({
  $ref: `#/components/${kind}/${name}`,
});

export const mapValues = <T>(
  record: Readonly<Record<string, T>>,
  change: (value: T) => T,
): Record<string, T> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));

const isLargest = (bound: unknown): boolean =>
  typeof bound === 'number' && Math.abs(bound) === Number.MAX_SAFE_INTEGER;

/** Whole numbers up to 2^53: the bounds of JavaScript say nothing to others, 64 bits do. */
const withoutSafeBounds = ({ minimum, maximum, ...schema }: Schema): Schema => ({
  ...schema,
  ...(schema.type === 'integer' && isLargest(maximum) && { format: 'int64' }),
  ...(minimum !== undefined && !isLargest(minimum) && { minimum }),
  ...(maximum !== undefined && !isLargest(maximum) && { maximum }),
});

/** A format says what its regular expression spells out; 3.0 has one example, later versions a list. */
const withoutNoise = ({ pattern, examples, ...schema }: Schema): Schema => ({
  ...schema,
  ...(pattern !== undefined && schema.format === undefined && { pattern }),
  ...(Array.isArray(examples) && { example: examples[0] }),
});

/** In 3.0 an enumeration counts for null, too, so it has to name it. */
const withNull = (schema: Schema): Schema =>
  schema.nullable && schema.enum && !schema.enum.includes(null)
    ? { ...schema, enum: [...schema.enum, null] }
    : schema;

/** The schema as a reader of the document wants it, and everything within. */
export const tidy = (schema: Schema): Schema => {
  const { properties, items, ...rest } = withNull(withoutNoise(withoutSafeBounds(schema)));
  const tidied: Schema = {
    ...rest,
    ...(properties && { properties: mapValues(properties, tidy) }),
    ...(items && { items: tidy(items) }),
  };
  for (const keyword of ['allOf', 'anyOf', 'oneOf'] as const) {
    const branches = schema[keyword];
    if (branches) tidied[keyword] = branches.map(tidy);
  }
  return tidied;
};
