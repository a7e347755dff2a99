import type { AnyRouter } from '@trpc/server';
import { fastifyRequestHandler } from '@trpc/server/adapters/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { withDeadline } from '#kernel/deadline.ts';
import type { RefusalLog, RequestContext } from './context.ts';
import { settleFailure } from './failures.ts';

const MOST_CALLS = 10;

type Settings = {
  router: AnyRouter;
  timeout_ms: number;
  refused: RefusalLog;
  contextOf: (req: FastifyRequest, reply: FastifyReply, batch_size: number) => RequestContext;
};

const isForm = (req: FastifyRequest): boolean =>
  /^multipart\/form-data/i.test(req.headers['content-type'] ?? '');

/** The wire of tRPC over HTTP, as its stock clients speak it. */
export const registerTrpcHttp = async (app: FastifyInstance, settings: Settings): Promise<void> => {
  const { router, timeout_ms, refused, contextOf } = settings;
  await app.register(async (scope) => {
    scope.removeContentTypeParser('application/json');
    scope.addHook('onRequest', async (_req, res) => void res.header('cache-control', 'no-store'));
    scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_req, body, done) =>
      done(null, body),
    );
    const answer = (req: FastifyRequest<{ Params: { path: string } }>, res: FastifyReply) =>
      fastifyRequestHandler({
        req,
        res,
        path: req.params.path,
        router,
        maxBatchSize: MOST_CALLS,
        createContext: async ({ info }) => {
          for (let extra = 1; extra < info.calls.length; extra += 1) app.spend(req, res);
          return contextOf(req, res, info.calls.length);
        },
        onError: ({ error }) => void settleFailure(req, res, { thrown: error, refused }),
      });
    scope.all<{ Params: { path: string } }>('/trpc/:path', async (req, res) => {
      if (!isForm(req)) return withDeadline(timeout_ms - req.waited_ms, () => answer(req, res));
      // A form is read by its procedure, as it arrives: the adapter would read it all first.
      req.body = '';
      return answer(req, res);
    });
  });
};
