import type { Route } from '#kernel/route.ts';
import { takesIdempotencyKey } from './idempotency.ts';
import { errorResponsesOf } from './openapi-error-responses.ts';
import { exampleOf } from './openapi-examples.ts';
import { commonHeaders, header, isRevalidated } from './openapi-headers.ts';
import {
  ref,
  type Response,
  type Responses,
  type Schema,
  type Schemas,
} from './openapi-schemas.ts';

/** Answers without a body, which are the same for every operation. */
export const bodilessResponses: Record<string, Response> = {
  NotModified: {
    description: 'You have it already: nothing is sent.',
    headers: { ...commonHeaders, ETag: header('ETag') },
  },
  RangeNotSatisfiable: {
    description: 'The range lies behind the end; `Content-Range` tells the size.',
    headers: { ...commonHeaders, 'Content-Range': header('ContentRange') },
  },
};

const exampleFor = ({ example, message }: Route, schema: Schema, schemas: Schemas): object => ({
  ...(exampleOf(schema, { schemas, name: '' }) as object),
  ...(message !== undefined && { message }),
  ...(example?.output !== undefined && { data: example.output }),
});

const headersOf = (route: Route): Response['headers'] => ({
  ...commonHeaders,
  ...(route.version && { ETag: header('ETag') }),
  ...(route.location && { Location: header('Location') }),
  ...(takesIdempotencyKey(route) && { 'Idempotent-Replayed': header('IdempotentReplayed') }),
});

const answersOf = (route: Route, schema: Schema, schemas: Schemas): Responses => {
  const { status = 200, otherwise } = route;
  const example = exampleFor(route, schema, schemas);
  const answer = (description: string, example?: object): Response => ({
    description,
    headers: headersOf(route),
    content: { 'application/json': { schema, ...(example && { example }) } },
  });
  return {
    [status]: answer(status === 201 ? 'Created' : 'Done', example),
    ...(otherwise && { [otherwise.status]: answer(otherwise.description) }),
    ...(isRevalidated(route) && { 304: ref('responses', 'NotModified') }),
  };
};

const bytes = (types: readonly string[], description: string): Response => ({
  description,
  headers: {
    ...commonHeaders,
    ETag: header('ETag'),
    'Accept-Ranges': header('AcceptRanges'),
    'Content-Disposition': header('ContentDisposition'),
    'Last-Modified': header('LastModified'),
  },
  content: Object.fromEntries(
    types.map((type) => [type, { schema: { type: 'string', format: 'binary' } }]),
  ),
});

const mediaOf = (types: readonly string[]): Responses => {
  const range = bytes(types, 'The range that was asked for');
  return {
    200: bytes(types, 'The whole'),
    206: { ...range, headers: { ...range.headers, 'Content-Range': header('ContentRange') } },
    304: ref('responses', 'NotModified'),
    416: ref('responses', 'RangeNotSatisfiable'),
  };
};

/** Everything an operation may answer; `schema` is that of its success. */
export const responsesOf = (route: Route, schema: Schema, schemas: Schemas): Responses => ({
  ...(route.media ? mediaOf(route.media) : answersOf(route, schema, schemas)),
  ...errorResponsesOf(route),
});
