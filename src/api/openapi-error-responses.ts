import type { Route } from '#kernel/route.ts';
import { exampleId, exampleTime } from './openapi-examples.ts';
import { commonHeaders, header } from './openapi-headers.ts';
import { type Documented, refusalsOf } from './openapi-refusals.ts';
import {
  type Reference,
  ref,
  type Response,
  type Responses,
  type Schema,
} from './openapi-schemas.ts';

const exampleFor = ({ code, message }: Documented) => ({
  value: {
    success: false,
    error: { code, message, details: [] },
    meta: { timestamp: exampleTime, request_id: exampleId },
  },
});

/** `ErrorAnswer`, with one of these codes. */
const schemaOf = (codes: string[]): Schema => ({
  allOf: [
    ref('schemas', 'ErrorAnswer'),
    {
      type: 'object',
      properties: {
        error: { type: 'object', properties: { code: { type: 'string', enum: codes } } },
      },
    },
  ],
});

const headersOf = (status: number): Response['headers'] => ({
  ...commonHeaders,
  ...(status === 401 && { 'WWW-Authenticate': header('WwwAuthenticate') }),
  ...([409, 429, 503].includes(status) && { 'Retry-After': header('RetryAfter') }),
});

type ByCode = Map<string, [Documented, ...Documented[]]>;

const byCode = (refusals: readonly Documented[]): ByCode =>
  Map.groupBy(refusals, ({ code }) => code) as ByCode;

/** A code may have several meanings in one place. */
const describe = ([code, refusals]: [string, readonly Documented[]]): string =>
  `\`${code}\`: ${refusals.map(({ message }) => message).join('; or: ')}.`;

const responseOf = (status: number, refusals: readonly Documented[]): Response => {
  const codes = byCode(refusals);
  const examples = [...codes].map(([code, [first]]) => [code, exampleFor(first)]);
  return {
    description: [...codes].map(describe).join(' '),
    headers: headersOf(status),
    content: {
      'application/json': {
        schema: schemaOf([...codes.keys()]),
        examples: Object.fromEntries(examples),
      },
    },
  };
};

const pascal = (code: string): string =>
  code.toLowerCase().replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());

const nameOf = (refusals: readonly Documented[]): string =>
  [...byCode(refusals).keys()].map(pascal).join('Or');

const isShared = (refusals: readonly Documented[]): boolean =>
  refusals.every(({ shared }) => shared);

const byStatus = (route: Route): [number, Documented[]][] => [
  ...Map.groupBy(refusalsOf(route), ({ status }) => status),
];

/** Every status that refuses, with its codes; a reference where they mean what they mean everywhere. */
export const errorResponsesOf = (route: Route): Responses =>
  Object.fromEntries(
    byStatus(route).map(([status, refusals]): [number, Response | Reference] => [
      status,
      isShared(refusals) ? ref('responses', nameOf(refusals)) : responseOf(status, refusals),
    ]),
  );

/** What `errorResponsesOf` refers to. */
export const sharedErrorResponses = (routes: readonly Route[]): Record<string, Response> =>
  Object.fromEntries(
    routes
      .flatMap(byStatus)
      .filter(([, refusals]) => isShared(refusals))
      .map(([status, refusals]) => [nameOf(refusals), responseOf(status, refusals)]),
  );
