import type { AnyRouter } from '@trpc/server';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify';
import { withDeadline } from '#kernel/deadline.ts';
import { invalidFields } from '#kernel/errors.ts';
import { Media } from '#kernel/media.ts';
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
import { multipartPlugin } from './multipart.ts';
import { type Procedure, proceduresOf } from './procedures.ts';

type Settings = {
  router: AnyRouter;
  keys: IdempotencyKeys;
  /** What one call may wait for, in all; its body is not counted. */
  timeout_ms: number;
  contextOf: (req: FastifyRequest, reply: FastifyReply) => RequestContext;
};

type Text = Record<string, string | string[]>;

/** Unknown query parameters are left to the schema; where the input is a body, there are none. */
const refuseQuery = (query: object): void => {
  const names = Object.keys(query);
  if (names.length > 0)
    throw invalidFields(names.map((field) => ({ field, message: 'Unknown query parameter' })));
};

const refuseTwice = (params: object, body: object): void => {
  const twice = Object.keys(params).filter((name) => name in body);
  if (twice.length > 0)
    throw invalidFields(twice.map((field) => ({ field, message: 'Is given by the path' })));
};

/** Path and query are text; a JSON body is taken as it is. */
const inputReader = ({ method, input }: Route) => {
  const decode = textDecoder(input);
  if (method === 'GET' || method === 'DELETE')
    return (req: FastifyRequest): unknown =>
      decode({ ...(req.query as Text), ...(req.params as Text) });
  return (req: FastifyRequest): unknown => {
    refuseQuery(req.query as object);
    const params = req.params as Text;
    const body = req.body ?? {};
    if (typeof body !== 'object' || Array.isArray(body)) return body;
    refuseTwice(params, body);
    return { ...body, ...decode(params) };
  };
};

/** The second status of a route, where it has one, is a function of what is answered. */
const statusOf = ({ status = 200, otherwise }: Route, output: unknown): number =>
  otherwise?.when(output as never) ? otherwise.status : status;

const headersOf = (
  { version, location, secret }: Route,
  output: unknown,
): Record<string, string> => ({
  ...(secret && { 'cache-control': 'no-store' }),
  ...(version && { etag: `"${etagOf(version(output as never))}"` }),
  ...(location && { location: `/api/v1${location(output as never)}` }),
});

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
    const input = route.form ? undefined : readInput(req);
    const again = async (form: (() => IncomingForm) | undefined) =>
      written(await invoke(req, form ? { ...ctx, form } : ctx, input), req.id);
    const user_id = ctx.actor.type === 'member' ? ctx.actor.user_id : 0;
    const form = route.form && ctx.form;
    const { answer, replayed } = await once(keys, {
      user_id,
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
    const output = await invoke(req, ctx, route.form ? undefined : readInput(req));
    if (output instanceof Media) return sendMedia(req, reply, output);
    if (route.method === 'GET' && route.version) {
      const tag = etagOf(route.version(output as never));
      if (isUnchanged(req.headers['if-none-match'], tag))
        return reply.code(304).header('etag', `"${tag}"`).send();
    }
    return send(reply, written(output, req.id));
  };
};

const takesKey = (route: Route, req: FastifyRequest): boolean =>
  takesIdempotencyKey(route) && req.actor.type === 'member';

const asFastifyPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

/** Registers every procedure as a Fastify route of its own, and 405 for the other methods of its path. */
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
    await scope.register(multipartPlugin);
    for (const procedure of procedures) if (procedure.route.form) add(scope, procedure);
  });
  for (const [url, taken] of methods) refuseOthers(app, url, taken);
};

const every = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

const refuseOthers = (app: FastifyInstance, url: string, taken: Set<string>): void => {
  const allow = [...taken, ...(taken.has('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
  const method = every.filter((name) => !taken.has(name));
  app.route({
    method,
    url,
    handler: async (_req, reply) => {
      reply.header('allow', allow);
      throw Object.assign(new Error('method not allowed'), { statusCode: 405 });
    },
  });
};
