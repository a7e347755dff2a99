import type { AnyRouter } from '@trpc/server';
import { fastifyRequestHandler } from '@trpc/server/adapters/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Actor, Member } from '#kernel/actor.ts';
import { withDeadline } from '#kernel/deadline.ts';
import { sharedErrors } from '#kernel/errors.ts';
import type { RefusalLog, RequestContext } from './context.ts';
import { asTrpcError } from './errors.ts';
import { settleFailure } from './failures.ts';
import { takeJson } from './json-bodies.ts';
import { forms } from './multipart.ts';
import { type Procedure, proceduresOf } from './procedures.ts';
import {
  callsIn,
  errorShape,
  type Outcome,
  type PlainCalls,
  readPlainCalls,
  writeOutcomes,
} from './trpc-wire.ts';

const MOST_CALLS = 10;
const JSON_TYPE = 'application/json; charset=utf-8';

type Settings = {
  router: AnyRouter;
  timeout_ms: number;
  refused: RefusalLog;
  contextOf: (req: FastifyRequest, reply: FastifyReply, batch_size: number) => RequestContext;
  /** Whose token it is; undefined when it is nobody's any more. */
  memberBy: (token: string) => Promise<Member | undefined>;
};

const isForm = (req: FastifyRequest): boolean =>
  /^multipart\/form-data/i.test(req.headers['content-type'] ?? '');

/** The adapter's own `Vary` replaces that of the reply; this joins it. */
const varying = new Headers({ vary: 'Origin' });

type TrpcRoute = { Params: { path: string } };

/** As the adapter writes it, and the reply's own. */
const VARY = 'trpc-accept, accept, Origin';

/** Browsers put no headers on a stream of events: its token comes beside its input. */
const actorOf = async (
  { actor }: RequestContext,
  token: string | undefined,
  memberBy: Settings['memberBy'],
): Promise<Actor> => {
  if (token === undefined || actor.type === 'member') return actor;
  const member = await memberBy(token);
  if (member) return member;
  throw asTrpcError(sharedErrors.unauthenticated({ message: 'The access token is not valid' }));
};

const byAdapter = (
  path: string,
  { req, res, calls }: { req: FastifyRequest; res: FastifyReply; calls: number },
  { router, refused, contextOf, memberBy }: Settings,
): Promise<void> =>
  fastifyRequestHandler({
    req,
    res,
    path,
    router,
    maxBatchSize: calls,
    createContext: async ({ info }) => {
      const ctx = contextOf(req, res, calls);
      return { ...ctx, actor: await actorOf(ctx, info.connectionParams?.['token'], memberBy) };
    },
    responseMeta: () => ({ headers: varying }),
    onError: ({ error }) => void settleFailure(req, res, { thrown: error, refused }),
  });

const answerPlain = async (
  { batch, calls }: PlainCalls,
  { req, res }: { req: FastifyRequest; res: FastifyReply },
  { refused, contextOf }: Settings,
): Promise<void> => {
  const ctx = contextOf(req, res, calls.length);
  const outcomes = await Promise.all(
    calls.map(({ path, procedure, input }): Promise<Outcome> =>
      procedure.run(ctx, input).then(
        (output) => ({ output }),
        (thrown: unknown) => ({ path, refused: settleFailure(req, res, { thrown, refused }) }),
      ),
    ),
  );
  const { status, body } = writeOutcomes(outcomes, { batch, request_id: req.id });
  await res.code(status).header('vary', VARY).type(JSON_TYPE).send(body);
};

/** Each call of a batch counts; the request itself was counted as the first. All are counted at once. */
const spendOthers = async (
  app: FastifyInstance,
  calls: number,
  { req, res }: { req: FastifyRequest; res: FastifyReply },
): Promise<void> => {
  const spending: Promise<void>[] = [];
  for (let extra = 1; extra < calls; extra += 1) {
    const counting = app.spend(req, res);
    if (counting) spending.push(counting);
  }
  if (spending.length > 0) await Promise.all(spending);
};

const answerWith = (app: FastifyInstance, settings: Settings) => {
  const procedures = new Map<string, Procedure>(
    proceduresOf(settings.router).map((procedure) => [procedure.path, procedure]),
  );
  return async (path: string, req: FastifyRequest, res: FastifyReply): Promise<void> => {
    // tRPC decodes a path once more than the router did; none of ours needs it.
    if (path.includes('%')) throw sharedErrors.notFound();
    const calls = callsIn(path, req);
    if (calls > MOST_CALLS)
      throw sharedErrors.validation({ message: `A batch has at most ${MOST_CALLS} calls` });
    if (calls > 1) await spendOthers(app, calls, { req, res });
    const plain = readPlainCalls(path, req, procedures);
    if (plain) return answerPlain(plain, { req, res }, settings);
    return byAdapter(path, { req, res, calls }, settings);
  };
};

/** The wire of tRPC over HTTP, as its stock clients speak it. */
export const registerTrpcHttp = async (app: FastifyInstance, settings: Settings): Promise<void> => {
  const answer = answerWith(app, settings);
  await app.register(async (scope) => {
    takeJson(scope, (_req, text, done) => done(null, text));
    scope.addHook('onRequest', async (_req, res) => void res.header('cache-control', 'no-store'));
    scope.setErrorHandler((thrown, req, reply) => {
      const settled = settleFailure(req, reply, { thrown, refused: settings.refused });
      const shape = errorShape(settled, req.id);
      return scope.secure(reply).code(settled.status).type(JSON_TYPE).send(JSON.stringify(shape));
    });
    scope.all<TrpcRoute>('/trpc/:path', (req, res) =>
      withDeadline(settings.timeout_ms - req.waited_ms, () => answer(req.params.path, req, res)),
    );
    await scope.register(async (uploads) => {
      await uploads.register(forms);
      for (const { path, route } of proceduresOf(settings.router)) {
        if (!route.form) continue;
        // The form is read by its procedure, as it arrives: the adapter would read it all first.
        uploads.all(`/trpc/${path}`, (req, res) => {
          if (isForm(req)) req.body = '';
          return answer(path, req, res);
        });
      }
    });
  });
};
