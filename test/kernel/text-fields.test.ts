import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { textDecoder } from '#kernel/text-fields.ts';

const schema = z.strictObject({
  count: z.int().optional(),
  price: z.number().nullable().optional(),
  draft: z.boolean().default(false),
  name: z.string().optional(),
  kind: z.enum(['1', 'true']).optional(),
  ids: z.array(z.int()).optional(),
  names: z.array(z.string()).nullable().optional(),
  at: z.iso.date().optional(),
});
const decode = textDecoder(schema);

describe('text is read as the type that its schema declares', () => {
  it.each([
    [{ count: '5' }, { count: 5 }],
    [{ count: '-5' }, { count: -5 }],
    [{ price: '0.5' }, { price: 0.5 }],
    [{ draft: 'true' }, { draft: true }],
    [{ draft: 'false' }, { draft: false }],
    [{ name: '5' }, { name: '5' }],
    [{ name: 'true' }, { name: 'true' }],
    [{ kind: '1' }, { kind: '1' }],
    [{ ids: '1' }, { ids: [1] }],
    [{ ids: ['1', '2'] }, { ids: [1, 2] }],
    [{ names: 'a' }, { names: ['a'] }],
    [{ names: ['1', 'b'] }, { names: ['1', 'b'] }],
    [{ at: '2026-01-01' }, { at: '2026-01-01' }],
  ])('%j', (text, value) => {
    expect(decode(text)).toEqual(value);
    expect(schema.safeParse(decode(text)).success).toBe(true);
  });

  it('for every number that is written plainly', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (count) => {
        expect(decode({ count: String(count) })).toEqual({ count });
      }),
    );
  });
});

describe('what cannot be read so stays text, for the schema to refuse', () => {
  it.each([
    '',
    ' 5',
    '5 ',
    '+5',
    '05',
    '0x5',
    '5e0',
    '5.',
    '.5',
    '--5',
    'NaN',
    'Infinity',
    '٥',
    '5\n',
  ])('%j is no number', (count) => {
    expect(decode({ count })).toEqual({ count });
    expect(schema.safeParse(decode({ count })).success).toBe(false);
  });

  it.each(['', 'TRUE', 'yes', '1', '0', 'null'])('%j is no truth', (draft) => {
    expect(decode({ draft })).toEqual({ draft });
    expect(schema.safeParse(decode({ draft })).success).toBe(false);
  });

  it('neither are several values of what is one', () => {
    for (const text of [{ count: ['1', '2'] }, { draft: ['true', 'true'] }, { name: ['a', 'b'] }]) {
      expect(decode(text)).toEqual(text);
      expect(schema.safeParse(decode(text)).success).toBe(false);
    }
  });

  it('nor is null written as text', () => {
    expect(decode({ price: 'null' })).toEqual({ price: 'null' });
  });
});

describe('fields', () => {
  it('that are unknown are kept, whatever they are called', () => {
    const text = JSON.parse('{"__proto__":"1","constructor":"1","other":"1"}') as Record<
      string,
      string
    >;
    const decoded = decode(text);
    expect(Object.keys(decoded).sort()).toEqual(['__proto__', 'constructor', 'other']);
    expect(schema.safeParse(decoded).success).toBe(false);
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
  });

  it('that are absent stay absent', () => {
    expect(decode({ count: undefined })).toEqual({});
  });

  it('are read without a change to the schema', () => {
    decode({ count: '5' });
    expect(schema.safeParse({ count: '5' }).success).toBe(false);
  });

  it('of any text break nothing', () => {
    const text = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.array(fc.string())));
    fc.assert(
      fc.property(text, (fields) => {
        expect(Object.keys(decode(fields)).sort()).toEqual(Object.keys(fields).sort());
      }),
    );
  });
});
