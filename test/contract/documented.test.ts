import { describe, expect, it } from 'vitest';
import { assertDocumented } from '#test/documented.ts';

const meta = { timestamp: '2026-01-15T10:30:00.000Z', request_id: 'req_1' };
const removed = { id: 1, restorable_until: '2026-01-15T10:30:00.000Z' };
const success = (data: object) => ({
  success: true,
  message: 'Done',
  data,
  meta: { ...meta, version: 'v1' },
});
const refused = (code: string) => ({
  success: false,
  error: { code, message: 'No', details: [] },
  meta,
});

const received = (status: number, json: unknown, headers = {}) => ({
  status,
  headers: {
    'content-type': 'application/json; charset=utf-8',
    'x-request-id': 'req_1',
    ...headers,
  },
  bytes: Buffer.from(JSON.stringify(json)),
  json,
});

const remove =
  (status: number, json: unknown, headers = {}) =>
  () =>
    assertDocumented('DELETE', '/tracks/1', received(status, json, headers));

describe('a response of the suites', () => {
  it('passes when it is as documented', () => {
    expect(remove(200, success(removed))).not.toThrow();
    expect(remove(404, refused('NOT_FOUND'))).not.toThrow();
  });

  it.each([
    ['a field that is not documented', remove(200, success({ ...removed, file_path: 'x' }))],
    ['a field that is missing', remove(200, success({ id: 1 }))],
    ['a time of another form', remove(200, success({ ...removed, restorable_until: '2026' }))],
    ['a status that is not documented', remove(201, success(removed))],
    ['a code that is not documented', remove(404, refused('UNHEARD_OF'))],
    ['a code of another status', remove(404, refused('VALIDATION_ERROR'))],
    ['another content type', remove(200, success(removed), { 'content-type': 'text/plain' })],
    ['a header that is missing', remove(200, success(removed), { 'x-request-id': undefined })],
    [
      'an entity tag that is missing',
      () => assertDocumented('GET', '/tracks/1', received(304, undefined)),
    ],
  ])('is caught with %s', (_, check) => {
    expect(check).toThrow();
  });

  it('of another method or path is a refusal in the common shape', () => {
    expect(() =>
      assertDocumented('PATCH', '/tracks/1', received(405, refused('METHOD_NOT_ALLOWED'))),
    ).not.toThrow();
    expect(() => assertDocumented('GET', '/nothing', received(404, { error: 'x' }))).toThrow();
  });
});
