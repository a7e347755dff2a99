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
type Place = readonly (string | number)[];

/** Sent with every answer that documents them; the others depend on the request. */
const always = ['x-request-id', 'etag', 'location', 'content-range', 'accept-ranges'];

/** Of HTTP itself: of no operation in particular. */
const ofProtocol = [404, 405, 408, 414, 431];

const segmentsOf = (path: string): string[] => path.split('/');

const fits = (template: string, path: string): boolean => {
  const given = segmentsOf(path);
  const wanted = segmentsOf(template);
  return (
    wanted.length === given.length &&
    wanted.every((segment, at) => segment.startsWith('{') || segment === given[at])
  );
};

const countOfParameters = (template: string): number => template.split('{').length;

const createCheck = (document: OpenApiDocument) => {
  const schemaAt = createResponseSchemas(document);
  const templates = Object.keys(document.paths).sort(
    (a, b) => countOfParameters(a) - countOfParameters(b),
  );

  const operationOf = (method: string, path: string): { operation?: Operation; at: Place } => {
    const template = templates.find((candidate) => fits(candidate, path));
    if (template === undefined) return { at: [] };
    const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
    const operation = document.paths[template]?.[verb];
    return { ...(operation && { operation }), at: ['paths', template, verb] };
  };

  const assertBody = (at: Place, received: Received): void => {
    const validate = schemaAt(at);
    if (validate(received.json)) return;
    const problems = (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
    throw new Error(
      `${at.slice(1, 3).join(' ')} ${received.status}: ${problems.join('; ')}\n${received.bytes.toString()}`,
    );
  };

  const responseOf = (operation: Operation, at: Place, status: number) => {
    const found = operation.responses[status];
    if (!found) throw new Error(`${at.slice(1).join(' ')}: ${status} is not documented`);
    if (!('$ref' in found))
      return { response: found as Documented, at: [...at, 'responses', status] };
    const name = found.$ref.slice(found.$ref.lastIndexOf('/') + 1);
    const response = document.components['responses']?.[name] as Documented;
    return { response, at: ['components', 'responses', name] };
  };

  const assertOperation = (operation: Operation, place: Place, received: Received): void => {
    const { response, at } = responseOf(operation, place, received.status);
    const fault = (what: string) =>
      new Error(`${place.slice(1).join(' ')} ${received.status}: ${what}`);
    for (const name of Object.keys(response.headers).map((given) => given.toLowerCase()))
      if (always.includes(name) && received.headers[name] === undefined)
        throw fault(`${name} is missing`);
    if (!response.content) {
      if (received.bytes.length > 0) throw fault('a body is not documented');
      return;
    }
    const [type = ''] = String(received.headers['content-type']).split(';');
    if (!(type in response.content)) throw fault(`${type} is not documented`);
    if (type === 'application/json') assertBody([...at, 'content', type, 'schema'], received);
  };

  const assertRefusal = (received: Received): void =>
    assertBody(['components', 'schemas', 'ErrorAnswer'], received);

  return (method: string, path: string, received: Received): void => {
    const { operation, at } = operationOf(method, path);
    const isRefused = received.status >= 400;
    if (!operation) {
      if (isRefused && method !== 'HEAD') assertRefusal(received);
    } else if (ofProtocol.includes(received.status) && !(received.status in operation.responses))
      assertRefusal(received);
    else assertOperation(operation, at, received);
  };
};

let check: ReturnType<typeof createCheck> | undefined;

/** Fails unless an answer of REST is as the document has it: status, headers, type and body. */
export const assertDocumented = (method: string, path: string, received: Received): void => {
  check ??= createCheck(JSON.parse(inject('document')) as OpenApiDocument);
  check(method, path, received);
};
