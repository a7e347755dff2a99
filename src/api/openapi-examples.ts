import type { Schema, Schemas } from './openapi-schemas.ts';

export const exampleTime = '2026-01-15T10:30:00.000Z';
export const exampleId = 'req_0b7c1d52-6a2e-4c1f-9d52-3f2f1a6b7c8d';

/** What fields of a name usually hold; everything else is exemplified by its type. */
const samples: Readonly<Record<string, unknown>> = {
  request_id: exampleId,
  username: 'ana',
  email: 'ana@example.com',
  password: 'correct horse!',
  current_password: 'correct horse!',
  new_password: 'battery staple!',
  display_name: 'Ana Ruiz',
  bio: 'Beats from Lyon.',
  title: 'Night drive',
  artist: 'Ana Ruiz',
  album: 'Neon',
  description: 'Recorded at night.',
  genre: 'Synthwave',
  tags: ['synthwave'],
  license: 'CC BY 4.0',
  musical_key: 'Am',
  bpm: 104,
  year: 2026,
  url: 'https://example.com/ana',
  label: 'Website',
  message: 'Operation completed successfully',
  user_agent: 'Mozilla/5.0',
  device: 'Mozilla/5.0',
  ip_address: '203.0.113.7',
  sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  size_bytes: 5_242_880,
  storage_used_bytes: 5_242_880,
  duration_seconds: 215,
  listened_seconds: 120,
  bitrate: 192_000,
  sample_rate: 44_100,
  channels: 2,
  expires_in: 900,
  page: 1,
  limit: 20,
  total: 42,
  total_pages: 3,
  has_prev: false,
  duplicate: false,
};

const ofFormat: Readonly<Record<string, unknown>> = {
  'date-time': exampleTime,
  date: '2026-01-15',
  email: 'ana@example.com',
  uri: 'https://example.com/ana',
};

const ofType = ({ type, format, minimum }: Schema): unknown => {
  if (type === 'boolean') return true;
  if (type === 'integer' || type === 'number') return Math.max(minimum ?? 1, 1);
  if (type === 'string') return ofFormat[format ?? ''] ?? 'text';
  return null;
};

type Named = { schemas: Schemas; name: string };

/** A value that the schema takes; `name` is the field it is for. */
export const exampleOf = (schema: Schema, { schemas, name }: Named): unknown => {
  const within = (inner: Schema, field = name) => exampleOf(inner, { schemas, name: field });
  const { $ref, example, enum: values, items, properties, anyOf, oneOf, allOf } = schema;
  if ($ref) return within(schemas[$ref.slice($ref.lastIndexOf('/') + 1)] ?? {});
  if (example !== undefined) return example;
  if (values) return schema.nullable ? null : values[0];
  if (name in samples) return samples[name];
  if (schema.default !== undefined) return schema.default;
  const branch = (anyOf ?? oneOf ?? allOf)?.[0];
  if (branch) return within(branch);
  if (items) return [within(items)];
  if (properties)
    return Object.fromEntries(
      Object.entries(properties).map(([field, inner]) => [field, within(inner, field)]),
    );
  return ofType(schema);
};
