import type { AnyRouter } from '@trpc/server';
import { generateOpenApiDocument } from 'trpc-to-openapi';
import type { Route } from '#kernel/route.ts';
import { about, tags } from './openapi-about.ts';
import { bodyOf } from './openapi-bodies.ts';
import { sharedErrorResponses } from './openapi-error-responses.ts';
import { headerParametersOf, headers, parameters } from './openapi-headers.ts';
import { errorAnswer, projectionOf } from './openapi-projection.ts';
import { bodilessResponses, responsesOf } from './openapi-responses.ts';
import { type Body, type Responses, type Schema, type Schemas, tidy } from './openapi-schemas.ts';
import { type Procedure, proceduresOf } from './procedures.ts';

type Parameter = { name: string; in: string; description?: string; schema: Schema };

/** An operation as the generator makes it, as far as it is used. */
type Generated = {
  parameters: Parameter[];
  requestBody?: Body;
  responses: { 200: { content: { 'application/json': { schema: Schema } } } };
};

export type Operation = {
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  security: Record<string, string[]>[];
  parameters: object[];
  requestBody?: Body;
  responses: Responses;
};

export type OpenApiDocument = {
  openapi: string;
  info: { title: string; version: string; description: string };
  servers: { url: string }[];
  tags: { name: string; description: string | undefined }[];
  paths: Record<string, Record<string, Operation>>;
  components: Readonly<Record<string, Readonly<Record<string, object>>>>;
};

const generate = (procedures: readonly Procedure[], version: string) =>
  generateOpenApiDocument(projectionOf(procedures), {
    title: 'Veza',
    version,
    baseUrl: '/api/v1',
    openApiVersion: '3.0.3',
    defs: { ErrorAnswer: errorAnswer },
  }) as unknown as {
    paths: Record<string, Record<string, Generated>>;
    components: { schemas: Schemas };
  };

/** `tracks.streamUrl` is `tracksStreamUrl`. */
const operationIdOf = (path: string): string =>
  path.replaceAll(/\.(\w)/g, (_, letter: string) => letter.toUpperCase());

const signedIn = { bearerAuth: [] };

/** Who calls makes no difference to signing in; to whatever else anyone may do, it may. */
const securityOf = ({ caller, tag }: Route): Operation['security'] => {
  if (caller !== 'anyone') return [signedIn];
  return tag === 'auth' ? [] : [{}, signedIn];
};

/** The generator describes the schema; readers look at the parameter. */
const described = ({ schema, ...parameter }: Parameter): Parameter => {
  const { description, ...tidied } = tidy(schema);
  return { ...parameter, ...(description !== undefined && { description }), schema: tidied };
};

const schemaIn = (body: Body | undefined): Schema | undefined => {
  const [content] = Object.values(body?.content ?? {});
  return content && tidy(content.schema);
};

const operationOf = (
  { path, route }: Procedure,
  generated: Generated,
  schemas: Schemas,
): Operation => {
  const requestBody = bodyOf(route, schemaIn(generated.requestBody), schemas);
  const success = tidy(generated.responses[200].content['application/json'].schema);
  return {
    operationId: operationIdOf(path),
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    tags: [route.tag],
    security: securityOf(route),
    parameters: [...generated.parameters.map(described), ...headerParametersOf(route)],
    ...(requestBody && { requestBody }),
    responses: responsesOf(route, success, schemas),
  };
};

const sorted = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Only what is referred to, directly or by what is. */
const referred = (paths: object, components: OpenApiDocument['components']) => {
  const used = new Set<string>();
  const visit = (part: unknown): void => {
    for (const [, kind = '', name = ''] of JSON.stringify(part).matchAll(
      /"\$ref":"#\/components\/(\w+)\/(\w+)"/g,
    )) {
      if (used.has(`${kind}/${name}`)) continue;
      used.add(`${kind}/${name}`);
      visit(components[kind]?.[name]);
    }
  };
  visit(paths);
  const keep = (kind: string) =>
    Object.entries(components[kind] ?? {}).filter(([name]) => used.has(`${kind}/${name}`));
  return Object.fromEntries(
    Object.keys(components).map((kind) => [kind, sorted(Object.fromEntries(keep(kind)))]),
  );
};

const securitySchemes = {
  bearerAuth: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The `access_token` that signing in answers; it lives 15 minutes.',
  },
};

/** The contract of every routed procedure as an OpenAPI 3.0.3 document. */
export const createOpenApiDocument = (
  router: AnyRouter,
  { version }: { version: string },
): OpenApiDocument => {
  const procedures = proceduresOf(router);
  const generated = generate(procedures, version);
  const schemas = Object.fromEntries(
    Object.entries(generated.components.schemas).map(([name, schema]) => [name, tidy(schema)]),
  );
  const paths: OpenApiDocument['paths'] = {};
  for (const procedure of procedures) {
    const { path, method } = procedure.route;
    const verb = method.toLowerCase();
    const made = generated.paths[path]?.[verb];
    if (made) (paths[path] ??= {})[verb] = operationOf(procedure, made, schemas);
  }
  const responses = {
    ...bodilessResponses,
    ...sharedErrorResponses(procedures.map(({ route }) => route)),
  };
  const named = [...new Set(procedures.map(({ route }) => route.tag))];
  return {
    openapi: '3.0.3',
    info: { title: 'Veza', version, description: about },
    servers: [{ url: '/api/v1' }],
    tags: named.map((name) => ({ name, description: tags[name] })),
    paths: sorted(paths),
    components: {
      securitySchemes,
      ...referred(paths, { schemas, responses, parameters, headers }),
    },
  };
};
