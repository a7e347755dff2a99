import type { AnyRouter } from '@trpc/server';
import { generateOpenApiDocument } from 'trpc-to-openapi';
import type { Route } from '#kernel/route.ts';
import { about, tags } from './openapi-about.ts';
import { bodyOf } from './openapi-bodies.ts';
import { neededBy, sorted } from './openapi-components.ts';
import { sharedErrorResponses } from './openapi-error-responses.ts';
import { headerParametersOf, headers, parameters } from './openapi-headers.ts';
import { errorAnswer, projectionOf } from './openapi-projection.ts';
import { bodilessResponses, responsesOf } from './openapi-responses.ts';
import {
  type Body,
  mapValues,
  type Responses,
  type Schema,
  type Schemas,
  tidy,
} from './openapi-schemas.ts';
import { type Procedure, proceduresOf } from './procedures.ts';

type Parameter = { name: string; in: string; description?: string; schema: Schema };

/** By path, then by method in lower case. */
type Paths<T> = Record<string, Record<string, T>>;

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
  paths: Paths<Operation>;
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
    paths: Paths<Generated>;
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

const securitySchemes = {
  bearerAuth: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The `access_token` that signing in answers; it lives 15 minutes.',
  },
};

const pathsOf = (
  procedures: readonly Procedure[],
  generated: Paths<Generated>,
  schemas: Schemas,
): Paths<Operation> => {
  const paths: Paths<Operation> = {};
  for (const procedure of procedures) {
    const { path, method } = procedure.route;
    const verb = method.toLowerCase();
    const made = generated[path]?.[verb];
    if (made) (paths[path] ??= {})[verb] = operationOf(procedure, made, schemas);
  }
  return sorted(paths);
};

const tagsOf = (routes: readonly Route[]): OpenApiDocument['tags'] => {
  const used = new Set(routes.map(({ tag }) => tag));
  return [...used].map((name) => ({ name, description: tags[name] }));
};

/** The contract of every routed procedure as an OpenAPI 3.0.3 document. */
export const createOpenApiDocument = (
  router: AnyRouter,
  { version }: { version: string },
): OpenApiDocument => {
  const procedures = proceduresOf(router);
  const routes = procedures.map(({ route }) => route);
  const generated = generate(procedures, version);
  const schemas = mapValues(generated.components.schemas, tidy);
  const paths = pathsOf(procedures, generated.paths, schemas);
  const responses = { ...bodilessResponses, ...sharedErrorResponses(routes) };
  return {
    openapi: '3.0.3',
    info: { title: 'Veza', version, description: about },
    servers: [{ url: '/api/v1' }],
    tags: tagsOf(routes),
    paths,
    components: {
      securitySchemes,
      ...neededBy(paths, { schemas, responses, parameters, headers }),
    },
  };
};
