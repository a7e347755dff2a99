import type { Route } from '#kernel/route.ts';
import { takesIdempotencyKey } from './idempotency.ts';
import { ref } from './openapi-schemas.ts';

const text = (description: string, example?: string) => ({
  description,
  schema: { type: 'string', ...(example !== undefined && { example }) },
});
const whole = (description: string) => ({ description, schema: { type: 'integer', minimum: 0 } });

/** Header fields of answers. */
export const headers = {
  RequestId: text('Names this call in logs and events; yours, if you sent a fitting one'),
  RateLimitLimit: whole('Calls that the bucket takes'),
  RateLimitRemaining: whole('Calls that are left of it'),
  RateLimitReset: whole('Seconds until it is full again'),
  RetryAfter: whole('Seconds after which trying again may help'),
  WwwAuthenticate: text('How to authenticate (RFC 6750)', 'Bearer error="invalid_token"'),
  ETag: text('The version of what is answered (RFC 9110 §8.8.3)', '"v3"'),
  Location: text('Where what was created is found', '/api/v1/tracks/1'),
  IdempotentReplayed: text('`true` when this is the stored answer to an earlier request'),
  AcceptRanges: text('Ranges of bytes are served', 'bytes'),
  ContentRange: text('Which bytes these are (RFC 9110 §14.4)', 'bytes 0-1023/5242880'),
  ContentDisposition: text('The name to save it under, when it is a download (RFC 6266)'),
  LastModified: text('When it was last changed (RFC 9110 §8.8.2)'),
};

export const header = (name: keyof typeof headers) => ref('headers', name);

/** On every answer of every operation. */
export const commonHeaders = {
  'X-Request-Id': header('RequestId'),
  'RateLimit-Limit': header('RateLimitLimit'),
  'RateLimit-Remaining': header('RateLimitRemaining'),
  'RateLimit-Reset': header('RateLimitReset'),
};

const parameter = (name: string, description: string, schema: object = {}) => ({
  name,
  in: 'header',
  description,
  required: false,
  schema: { type: 'string', ...schema },
});

/** Header fields of requests. */
export const parameters = {
  IdempotencyKey: parameter(
    'Idempotency-Key',
    'Of a signed-in caller: the same key with the same request answers what it answered first, for 24 hours, and does nothing again',
    { minLength: 1, maxLength: 255 },
  ),
  IfMatch: parameter(
    'If-Match',
    'The entity tag you have seen; refused with 412 when there is another version by now',
    { example: '"v3"' },
  ),
  IfNoneMatch: parameter(
    'If-None-Match',
    'The entity tag you have; answered with 304 while it is the current one',
    { example: '"v3"' },
  ),
  IfModifiedSince: parameter('If-Modified-Since', 'Answered with 304 when not changed since'),
  IfUnmodifiedSince: parameter('If-Unmodified-Since', 'Refused with 412 when changed since'),
  IfRange: parameter('If-Range', 'An entity tag or date: the range counts only while it fits'),
  Range: parameter('Range', 'One range of bytes (RFC 9110 §14.2)', { example: 'bytes=0-1023' }),
};

type ParameterName = keyof typeof parameters;

const ofMedia: ParameterName[] = [
  'Range',
  'IfRange',
  'IfMatch',
  'IfNoneMatch',
  'IfModifiedSince',
  'IfUnmodifiedSince',
];

/** A change that can be refused because somebody else was faster. */
const isConditional = ({ errors = [] }: Route): boolean =>
  errors.some(({ kind }) => kind === 'precondition_failed');

const headerNamesOf = (route: Route): ParameterName[] => {
  if (route.media) return ofMedia;
  if (isRevalidated(route)) return ['IfNoneMatch'];
  return [
    ...(takesIdempotencyKey(route) ? ['IdempotencyKey' as const] : []),
    ...(isConditional(route) ? ['IfMatch' as const] : []),
  ];
};

/** The header fields that an operation heeds. */
export const headerParametersOf = (route: Route) =>
  headerNamesOf(route).map((name) => ref('parameters', name));

/** Answered with 304 to those who have it already. */
export const isRevalidated = ({ method, version }: Route): boolean =>
  method === 'GET' && version !== undefined;
