import type { LightMyRequestResponse } from 'fastify';
import { inject } from 'vitest';
import type { OpenApiDocument, Operation } from '#api/openapi.ts';
import { createResponseSchemas } from './response-schemas.ts';

type Received = {
  status: number;
  headers: LightMyRequestResponse['headers'];
  bytes: Buffer;
  json: unknown;
};

type Documented = { headers: Record<string, object>; content?: Record<string, object> };

/** Where something is in the document, step by step. */
type Place = readonly (string | number)[];

/** Sent with every answer that documents them; the others depend on the request. */
const always = ['x-request-id', 'etag', 'location', 'content-range', 'accept-ranges'];

/** Refusals of HTTP itself, before any operation is found. */
const ofProtocol = [408, 414, 431];

const fits = (template: string, path: string): boolean => {
  const given = path.split('/');
  const wanted = template.split('/');
  return (
    wanted.length === given.length &&
    wanted.every((segment, at) => segment.startsWith('{') || segment === given[at])
  );
};

const countOfParameters = (template: string): number => template.split('{').length;

const findOperation = ({ paths }: OpenApiDocument, method: string, path: string) => {
  const [template = ''] = Object.keys(paths)
    .filter((candidate) => fits(candidate, path))
    .sort((a, b) => countOfParameters(a) - countOfParameters(b));
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
  return { operation: paths[template]?.[verb], place: ['paths', template, verb] };
};

const findResponse = (
  { components }: OpenApiDocument,
  { operation, place }: { operation: Operation; place: Place },
  status: number,
): { response: Documented; place: Place } | undefined => {
  const found = operation.responses[status];
  if (!found) return undefined;
  if (!('$ref' in found)) return { response: found, place: [...place, 'responses', status] };
  const name = found.$ref.slice(found.$ref.lastIndexOf('/') + 1);
  const response = components['responses']?.[name] as Documented;
  return { response, place: ['components', 'responses', name] };
};

const createCheck = (document: OpenApiDocument) => {
  const schemaAt = createResponseSchemas(document);

  const problemsOfBody = (place: Place, json: unknown): string[] => {
    const validate = schemaAt(place);
    if (validate(json)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  };

  const problemsOf = (
    { response, place }: { response: Documented; place: Place },
    { headers, bytes, json }: Received,
    hasBody: boolean,
  ): string[] => {
    const missing = Object.keys(response.headers)
      .map((name) => name.toLowerCase())
      .filter((name) => always.includes(name) && headers[name] === undefined)
      .map((name) => `${name} is missing`);
    if (!response.content)
      return [...missing, ...(bytes.length > 0 ? ['a body is not documented'] : [])];
    const [type = ''] = String(headers['content-type']).split(';');
    if (!(type in response.content)) return [...missing, `${type} is not documented`];
    if (type !== 'application/json' || !hasBody) return missing;
    return [...missing, ...problemsOfBody([...place, 'content', type, 'schema'], json)];
  };

  return (method: string, path: string, received: Received): string[] => {
    const { operation, place } = findOperation(document, method, path);
    const hasBody = method !== 'HEAD';
    if (!operation || ofProtocol.includes(received.status))
      return received.status >= 400 && hasBody
        ? problemsOfBody(['components', 'schemas', 'ErrorAnswer'], received.json)
        : [];
    const found = findResponse(document, { operation, place }, received.status);
    return found ? problemsOf(found, received, hasBody) : ['the status is not documented'];
  };
};

let check: ReturnType<typeof createCheck> | undefined;

/** Fails unless an answer of REST is as the document has it: status, headers, type and body. */
export const assertDocumented = (method: string, path: string, received: Received): void => {
  check ??= createCheck(JSON.parse(inject('document')) as OpenApiDocument);
  const problems = check(method, path, received);
  if (problems.length === 0) return;
  const answer = `${method} ${path} answered ${received.status}`;
  throw new Error(`${answer}: ${problems.join('; ')}\n${received.bytes.toString().slice(0, 2000)}`);
};
