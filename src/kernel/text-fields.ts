import { z } from 'zod';

type Text = string | readonly string[];
type Decode = (text: Text) => unknown;
type Property = { type?: unknown; items?: unknown; anyOf?: unknown };

const whole = /^-?(0|[1-9]\d*)$/;
const decimal = /^-?(0|[1-9]\d*)(\.\d+)?$/;

const numberLike =
  (form: RegExp): Decode =>
  (text) =>
    typeof text === 'string' && form.test(text) ? Number(text) : text;
const boolean: Decode = (text) => (text === 'true' ? true : text === 'false' ? false : text);
const asWritten: Decode = (text) => text;

const isValue = (type: unknown): boolean => type !== 'null';

const decoderFor = (property: Property): Decode => {
  const { type, items, anyOf } = property;
  if (Array.isArray(type)) return decoderFor({ ...property, type: type.find(isValue) });
  if (type === 'integer') return numberLike(whole);
  if (type === 'number') return numberLike(decimal);
  if (type === 'boolean') return boolean;
  if (type === 'array') {
    const each = decoderFor(items ?? {});
    return (text) => (typeof text === 'string' ? [each(text)] : text.map(each));
  }
  if (Array.isArray(anyOf)) {
    const known = (anyOf as Property[]).find(({ type }) => isValue(type));
    return known ? decoderFor(known) : asWritten;
  }
  return asWritten;
};

/**
 * Reads query strings, path parameters and form fields, which are text, as the types their schema
 * declares. What cannot be read so stays text, for the schema to refuse. The schema itself is not touched.
 */
export const textDecoder = (schema: z.ZodType) => {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const decoders = new Map(
    Object.entries(properties).map(([name, property]) => [name, decoderFor(property as Property)]),
  );
  return (fields: Readonly<Record<string, Text | undefined>>): Record<string, unknown> => {
    const decoded: [string, unknown][] = [];
    for (const [name, text] of Object.entries(fields))
      if (text !== undefined) decoded.push([name, (decoders.get(name) ?? asWritten)(text)]);
    return Object.fromEntries(decoded);
  };
};
