import type { AnyRouter } from '@trpc/server';
import { fastifyRequestHandler } from '@trpc/server/adapters/fastify';
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { withDeadline } from '#kernel/deadline.ts';
import { sharedErrors } from '#kernel/errors.ts';
import type { RefusalLog, RequestContext } from './context.ts';
import { type ErrorAnswer, trpcCodeOf } from './errors.ts';
import { settleFailure } from './failures.ts';
import { takeJson } from './json-bodies.ts';
import { forms } from './multipart.ts';
import { proceduresOf } from './procedures.ts';

const MOST_CALLS = 10;
const JSON_TYPE = 'application/json; charset=utf-8';

type Settings = {
  router: AnyRouter;
  timeout_ms: number;
  refused: RefusalLog;
  contextOf: (req: FastifyRequest, reply: FastifyReply, batch_size: number) => RequestContext;
};

const isForm = (req: FastifyRequest): boolean =>
  /^multipart\/form-data/i.test(req.headers['content-type'] ?? '');

/** The adapter's own `Vary` replaces that of the reply; this joins it. */
const varying = new Headers({ vary: 'Origin' });

type TrpcRoute = { Params: { path: string } };

/** tRPC decodes a path once more than the router did; none of ours needs it. */
const callsIn = (path: string, { query }: FastifyRequest): number => {
  if (path.includes('%')) throw sharedErrors.notFound();
  const { batch = '' } = query as { batch?: string | string[] };
  return [batch].flat()[0] === '1' ? path.split(',').length : 1;
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

const answerWith =
  (app: FastifyInstance, { router, refused, contextOf }: Settings) =>
  async (path: string, req: FastifyRequest, res: FastifyReply): Promise<void> => {
    const calls = callsIn(path, req);
    if (calls > MOST_CALLS)
      throw sharedErrors.validation({ message: `A batch has at most ${MOST_CALLS} calls` });
    await spendOthers(app, calls, { req, res });
    return fastifyRequestHandler({
      req,
      res,
      path,
      router,
      maxBatchSize: calls,
      createContext: async () => contextOf(req, res, calls),
      responseMeta: () => ({ headers: varying }),
      onError: ({ error }) => void settleFailure(req, res, { thrown: error, refused }),
    });
  };

/** What refuses a whole request before its procedures are reached, in the shape that their own refusals have. */
const errorShape = ({ status, code, message, details }: ErrorAnswer, request_id: string) => ({
  error: {
    message,
    code: TRPC_ERROR_CODES_BY_KEY[trpcCodeOf(status)],
    data: { httpStatus: status, code, details, request_id },
  },
});

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
