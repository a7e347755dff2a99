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
  bytes: Buffer.from(JSON.stringify(json) ?? ''),
  json,
});

const checking =
  (method: string) =>
  (status: number, json: unknown, headers = {}) =>
  () =>
    assertDocumented(method, '/tracks/1', received(status, json, headers));

const remove = checking('DELETE');
const read = checking('GET');

describe('a response of the suites', () => {
  it('passes when it is as documented', () => {
    expect(remove(200, success(removed))).not.toThrow();
    expect(remove(404, refused('NOT_FOUND'))).not.toThrow();
  });

  it.each([
    ['another field', remove(200, success({ ...removed, file_path: 'x' })), 'file_path'],
    ['a field that is missing', remove(200, success({ id: 1 })), 'restorable_until'],
    [
      'another form of time',
      remove(200, success({ ...removed, restorable_until: '2026' })),
      'format',
    ],
    ['another status', remove(201, success(removed)), 'the status is not documented'],
    ['another code', remove(404, refused('UNHEARD_OF')), '/error/code'],
    ['a code of another status', remove(404, refused('VALIDATION_ERROR')), '/error/code'],
    ['another content type', remove(200, {}, { 'content-type': 'text/plain' }), 'text/plain'],
    ['a header missing', remove(200, {}, { 'x-request-id': undefined }), 'x-request-id is missing'],
    ['an entity tag missing', read(304, undefined), 'etag is missing'],
    ['a body where there is none', read(304, {}, { etag: '"v1"' }), 'a body is not documented'],
  ])('is caught with %s', (_, check, problem) => {
    expect(check).toThrow(problem);
  });

  it('of HEAD has no body to be checked, but the rest', () => {
    const head = checking('HEAD');
    expect(head(404, undefined)).not.toThrow();
    expect(head(410, undefined)).toThrow('the status is not documented');
  });

  it('of another method or path is a refusal in the common shape', () => {
    expect(() =>
      assertDocumented('PATCH', '/tracks/1', received(405, refused('METHOD_NOT_ALLOWED'))),
    ).not.toThrow();
    expect(() => assertDocumented('GET', '/nothing', received(404, { error: 'x' }))).toThrow();
  });
});
