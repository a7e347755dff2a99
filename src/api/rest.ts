import type { AnyRouter } from '@trpc/server';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify';
import { userIdOf } from '#kernel/actor.ts';
import { withDeadline } from '#kernel/deadline.ts';
import { invalidFields } from '#kernel/errors.ts';
import { Media } from '#kernel/media.ts';
import { Serialised } from '#kernel/serialised.ts';
import type { Route } from '#kernel/route.ts';
import { textDecoder } from '#kernel/text-fields.ts';
import type { IncomingForm } from '#kernel/upload.ts';
import { etagOf } from '#kernel/version.ts';
import type { RequestContext } from './context.ts';
import { envelope } from './envelope.ts';
import { isUnchanged } from './etag.ts';
import {
  type IdempotencyKeys,
  once,
  type StoredAnswer,
  takesIdempotencyKey,
} from './idempotency.ts';
import { sendMedia } from './media.ts';
import { forms } from './multipart.ts';
import { type Procedure, proceduresOf } from './procedures.ts';
import { assertCaller } from './trpc.ts';

type Settings = {
  router: AnyRouter;
  keys: IdempotencyKeys;
  /** What one call may wait for, in all; its body is not counted. */
  timeout_ms: number;
  contextOf: (req: FastifyRequest, reply: FastifyReply) => RequestContext;
};

type Text = Record<string, string | string[]>;

const refuse = (names: string[], message: string): void => {
  if (names.length > 0) throw invalidFields(names.map((field) => ({ field, message })));
};

/** Unknown query parameters are left to the schema; where the input is a body, there are none. */
const refuseQuery = ({ query }: FastifyRequest): void =>
  refuse(Object.keys(query as object), 'Unknown query parameter');

/** Where the input is the query, a body would be dropped in silence. */
const refuseBody = ({ body }: FastifyRequest): void => {
  if (body === undefined) return;
  refuse(typeof body === 'object' && body ? Object.keys(body) : [''], 'Is not taken in a body');
};

const refuseTwice = (params: object, others: object): void =>
  refuse(
    Object.keys(params).filter((name) => name in others),
    'Is given by the path',
  );

type InputReader = (req: FastifyRequest) => unknown;

const queryReader = (input: Route['input']): InputReader => {
  const decode = textDecoder(input);
  return (req) => {
    refuseBody(req);
    const params = req.params as Text;
    const query = req.query as Text;
    refuseTwice(params, query);
    return decode({ ...query, ...params });
  };
};

const bodyReader = (input: Route['input']): InputReader => {
  const decode = textDecoder(input);
  return (req) => {
    refuseQuery(req);
    const params = req.params as Text;
    const { body = {} } = req;
    if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
    refuseTwice(params, body);
    return { ...body, ...decode(params) };
  };
};

/** Path and query are text; a JSON body is taken as it is; a form is read while it arrives. */
const inputReader = ({ method, form, input }: Route): InputReader => {
  if (form) return refuseQuery;
  return method === 'GET' || method === 'DELETE' ? queryReader(input) : bodyReader(input);
};

/** The second status of a route, where it has one, is a function of what is answered. */
const statusOf = ({ status = 200, otherwise }: Route, output: unknown): number =>
  otherwise?.when(output as never) ? otherwise.status : status;

/** A kept answer of one caller must not be found again for the next one at the same address. */
const versionHeaders = (version: number): Record<string, string> => ({
  etag: `"${etagOf(version)}"`,
  vary: 'Origin, Authorization',
});

const versionOf = ({ version }: Route, output: unknown): number | undefined =>
  output instanceof Serialised ? output.version : version?.(output as never);

const headersOf = (route: Route, output: unknown): Record<string, string> => {
  const { location, secret } = route;
  const version = versionOf(route, output);
  return {
    ...(secret && { 'cache-control': 'no-store' }),
    ...(version !== undefined && versionHeaders(version)),
    ...(location && { location: `/api/v1${location(output as never)}` }),
  };
};

const JSON_TYPE = 'application/json; charset=utf-8';

const send = (reply: FastifyReply, { status, headers, body }: StoredAnswer): FastifyReply =>
  reply.code(status).headers(headers).type(JSON_TYPE).send(body);

/** One procedure as a REST operation: what is particular to it is worked out once, at start. */
const operation = ({ path, route, run }: Procedure, settings: Settings): RouteHandlerMethod => {
  const readInput = inputReader(route);
  const { keys, timeout_ms, contextOf } = settings;

  const invoke = (
    { waited_ms }: FastifyRequest,
    ctx: RequestContext,
    input: unknown,
  ): Promise<unknown> =>
    route.form ? run(ctx, undefined) : withDeadline(timeout_ms - waited_ms, () => run(ctx, input));

  const written = (output: unknown, request_id: string): StoredAnswer => ({
    status: statusOf(route, output),
    headers: headersOf(route, output),
    body: envelope(output, request_id, route.message),
  });

  const sendOnce = async (req: FastifyRequest, reply: FastifyReply, key: string) => {
    const ctx = contextOf(req, reply);
    assertCaller(route, ctx.actor);
    const input = readInput(req);
    const again = async (form: (() => IncomingForm) | undefined) =>
      written(await invoke(req, form ? { ...ctx, form } : ctx, input), req.id);
    const { form: expected } = route;
    const form = expected && (() => ctx.form(expected.file));
    const { answer, replayed } = await once(keys, {
      user_id: userIdOf(ctx.actor),
      key,
      operation: path,
      input,
      form,
      run: again,
    });
    if (replayed) reply.header('idempotent-replayed', 'true');
    return send(reply, answer);
  };

  return async (req, reply) => {
    const key = req.headers['idempotency-key'];
    if (typeof key === 'string' && takesKey(route, req)) return sendOnce(req, reply, key);
    const ctx = contextOf(req, reply);
    const output = await invoke(req, ctx, readInput(req));
    if (output instanceof Media) return sendMedia(req, reply, output);
    const version = route.method === 'GET' ? versionOf(route, output) : undefined;
    if (version !== undefined && isUnchanged(req.headers['if-none-match'], etagOf(version)))
      return reply.code(304).headers(versionHeaders(version)).send();
    return send(reply, written(output, req.id));
  };
};

const takesKey = (route: Route, req: FastifyRequest): boolean =>
  takesIdempotencyKey(route) && req.actor.type === 'member';

const asFastifyPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

/** Registers every procedure as a Fastify route of its own, and what is told of the other methods of its path. */
export const registerRest = async (app: FastifyInstance, settings: Settings): Promise<void> => {
  const procedures = proceduresOf(settings.router);
  const methods = new Map<string, Set<string>>();
  const add = (scope: FastifyInstance, procedure: Procedure): void => {
    const { method, path } = procedure.route;
    const url = asFastifyPath(path);
    scope.route({ method, url, handler: operation(procedure, settings) });
    methods.set(url, (methods.get(url) ?? new Set()).add(method));
  };
  for (const procedure of procedures) if (!procedure.route.form) add(app, procedure);
  await app.register(async (scope) => {
    await scope.register(forms);
    for (const procedure of procedures) if (procedure.route.form) add(scope, procedure);
  });
  for (const [url, taken] of methods) tellMethods(app, url, taken);
};

const every = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** The methods that a path takes, to those who ask and to those who use another (RFC 9110 §9.3.7, §15.5.6). */
const tellMethods = (app: FastifyInstance, url: string, taken: Set<string>): void => {
  const allow = [...taken, ...(taken.has('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
  const method = every.filter((name) => !taken.has(name));
  const handler = async (_req: FastifyRequest, reply: FastifyReply): Promise<never> => {
    reply.header('allow', allow);
    throw Object.assign(new Error('method not allowed'), { statusCode: 405 });
  };
  app.options(url, async (_req, reply) => reply.code(204).header('allow', allow).send());
  // Before the body is read: whatever it is, this path does not take it.
  app.route({ method, url, preParsing: handler, handler });
};
