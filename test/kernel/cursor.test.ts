import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCursor, encodeCursor } from '#kernel/cursor.ts';
import { DomainError } from '#kernel/errors.ts';

const instant = fc
  .date({
    min: new Date('0001-01-01T00:00:00.000Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  })
  .map((date) => date.toISOString());
const position = fc.record({
  at: instant,
  id: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
});

const refusalOf = (feed: string, cursor: string): unknown => {
  try {
    return decodeCursor(feed, cursor);
  } catch (refused) {
    return refused;
  }
};

const expectRefused = (feed: string, cursor: string): void => {
  const refused = refusalOf(feed, cursor);
  expect(refused).toBeInstanceOf(DomainError);
  expect(refused).toMatchObject({ code: 'VALIDATION_ERROR', details: [{ field: 'cursor' }] });
};

const written = (value: unknown): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a cursor', () => {
  it('leads back to where it was made', () => {
    fc.assert(
      fc.property(fc.string(), position, (feed, place) => {
        const cursor = encodeCursor(feed, place);
        expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(decodeCursor(feed, cursor)).toEqual(place);
      }),
    );
  });

  it('of one feed is none of another', () => {
    const cursor = encodeCursor('tracks of 1', { at: '2026-01-01T00:00:00.000Z', id: 1 });
    for (const feed of ['tracks of 2', 'tracks', 'tracks of 1 ', '']) expectRefused(feed, cursor);
  });

  it('that is empty begins a walk', () => {
    expect(decodeCursor('tracks', '')).toBeUndefined();
  });

  it.each([
    ['no JSON', 'eyJ'],
    ['no base64', '%%%'],
    ['an object', written({ at: '2026-01-01T00:00:00.000Z', id: 1 })],
    ['too long', written(['tracks', '2026-01-01T00:00:00.000Z', 1, 2])],
    ['without an instant', written(['tracks', 'yesterday', 1])],
    ['of an instant with SQL behind it', written(['tracks', "2026-01-01T00:00:00.000Z'--", 1])],
    ['of an id that is a text', written(['tracks', '2026-01-01T00:00:00.000Z', '1'])],
    ['of an id that is no integer', written(['tracks', '2026-01-01T00:00:00.000Z', 1.5])],
    ['of an id that is too large', written(['tracks', '2026-01-01T00:00:00.000Z', 2 ** 53])],
    ['of a day that does not exist', written(['tracks', '2026-02-31T00:00:00.000Z', 1])],
    ['of an hour that does not exist', written(['tracks', '2026-01-01T99:99:99.999Z', 1])],
    ['of a year of six digits', written(['tracks', '+010000-01-01T00:00:00.000Z', 1])],
    ['of a year before ours', written(['tracks', '-000001-01-01T00:00:00.000Z', 1])],
    ['of the year 0', written(['tracks', '0000-01-01T00:00:00.000Z', 1])],
  ])('that is %s is refused', (_name, cursor) => {
    expectRefused('tracks', cursor);
  });

  it('that was made up is refused, never a bug', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ minLength: 1 }), fc.base64String({ minLength: 1 })),
        (cursor) => {
          expectRefused('tracks', cursor);
        },
      ),
    );
  });
});
