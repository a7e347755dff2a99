import { initTRPC, tracked } from '@trpc/server';
import type { z } from 'zod';
import { type Actor, hasRole, userIdOf } from '#kernel/actor.ts';
import { invalidFields, sharedErrors } from '#kernel/errors.ts';
import type { Route } from '#kernel/route.ts';
import { checkedOutput, Serialised } from '#kernel/serialised.ts';
import { parseWith } from '#kernel/validation.ts';
import type { MemberContext, RequestContext } from './context.ts';
import { asTrpcError, describeError } from './errors.ts';
import { networkOf } from './networks.ts';

export type ProcedureMeta = { route: Route; run: Run };

const t = initTRPC
  .context<RequestContext>()
  .meta<ProcedureMeta>()
  .create({
    isDev: false,
    // Proxies close what is silent; clients notice that nothing comes any more.
    sse: {
      ping: { enabled: true, intervalMs: 25_000 },
      client: { reconnectAfterInactivityMs: 60_000 },
    },
    errorFormatter({ shape, error, ctx }) {
      const { code, message, details } = describeError(error);
      const { httpStatus, path } = shape.data;
      const request_id = ctx?.origin.request_id ?? null;
      return { ...shape, message, data: { httpStatus, path, code, details, request_id } };
    },
  });

export const router = t.router;
export const mergeRouters = t.mergeRouters;

/** Suspended accounts read, take back what is theirs and mind their sign-in; nothing else. */
export const mayWhileSuspended = ({ method, tag, suspended }: Route): boolean =>
  method === 'GET' || method === 'DELETE' || tag === 'auth' || suspended === 'allowed';

/** Refuses callers that the route is not for. */
export const assertCaller = (route: Route, actor: Actor): void => {
  if (actor.type === 'member' && actor.state === 'suspended' && !mayWhileSuspended(route))
    throw sharedErrors.suspended();
  if (route.caller === 'anyone') return;
  if (actor.type !== 'member') throw sharedErrors.unauthenticated();
  if (route.caller !== 'member' && !hasRole(actor, route.caller)) throw sharedErrors.forbidden();
};

/** Counted only when the input is valid: a call that was malformed costs nothing. */
const spend = ({ limit }: Route, ctx: RequestContext, input: unknown): void | Promise<void> => {
  if (!limit) return;
  const caller = limit.by === 'user' ? userIdOf(ctx.actor) : networkOf(ctx.origin.ip_address);
  return ctx.spend(limit.name, `${caller}|${limit.account?.(input as never) ?? ''}`);
};

/** Whether the call may be made at all: who calls, alone or in a batch, and with what. */
const admit = (route: Route, ctx: RequestContext, given: unknown): unknown => {
  assertCaller(route, ctx.actor);
  if (ctx.batch_size > 1 && route.batchable === false)
    throw invalidFields([{ field: '', message: 'This call is not taken in a batch' }]);
  return parseWith(route.input, route.form ? ctx.form(route.form.file) : given);
};

/** One call, whichever door it came through; refusals are thrown as they are. */
export type Run = (ctx: RequestContext, given: unknown) => Promise<unknown>;

type Resolve = (call: { ctx: never; input: never }) => unknown;

const runner =
  (route: Route, resolve: Resolve): Run =>
  async (ctx, given) => {
    const input = admit(route, ctx, given);
    const counting = spend(route, ctx, input);
    if (counting) await counting;
    const output = await resolve({ ctx: ctx as never, input: input as never });
    return output instanceof Serialised ? output : checkedOutput(route, output);
  };

/** tRPC would read a form whole before its procedure is reached. */
const unread = t.middleware(({ next }) => next({ getRawInput: async () => undefined }));
const asGiven = (given: unknown): unknown => given;

/**
 * Procedures are tRPC's in type and name; a call runs through `Run` alone, so that every door has the same
 * checks in the same order, at the cost of one function instead of a chain of middlewares.
 */
const build = (route: Route) => {
  const base = route.form ? t.procedure.use(unread) : t.procedure;
  const having = (resolve: Resolve) => {
    const run = runner(route, resolve);
    const answer = async ({ ctx, input }: { ctx: RequestContext; input: unknown }) =>
      run(ctx, input).catch((thrown: unknown) => {
        throw asTrpcError(thrown);
      });
    return { answer, procedure: base.meta({ route, run }).input(asGiven) };
  };
  return {
    query: (resolve: Resolve) => {
      const { procedure, answer } = having(resolve);
      return procedure.query(answer);
    },
    mutation: (resolve: Resolve) => {
      const { procedure, answer } = having(resolve);
      return procedure.mutation(answer);
    },
  };
};

/** What tRPC infers of a procedure with this contract. Never called: its type is all that is wanted of it. */
const typedOpen = <I extends z.ZodType, O extends z.ZodType>({ input, output }: Route<I, O>) =>
  t.procedure.input(input).output(output);

const signedIn = t.procedure.use(({ ctx, next }) => next({ ctx: ctx as MemberContext }));

const typedSignedIn = <I extends z.ZodType, O extends z.ZodType>({ input, output }: Route<I, O>) =>
  signedIn.input(input).output(output);

type Verbs<B extends { query: unknown; mutation: unknown }> = Pick<B, 'query' | 'mutation'>;

/** A procedure for any caller. */
export const anyone = <I extends z.ZodType, O extends z.ZodType>(route: Route<I, O>) =>
  build(route) as unknown as Verbs<ReturnType<typeof typedOpen<I, O>>>;

/** A procedure for signed-in callers, of the role that the route names. */
export const member = <I extends z.ZodType, O extends z.ZodType>(route: Route<I, O>) =>
  build(route) as unknown as Verbs<ReturnType<typeof typedSignedIn<I, O>>>;

export { tracked };

const here = t.procedure.use(({ ctx, next }) => {
  if (ctx.actor.type !== 'member') throw asTrpcError(sharedErrors.unauthenticated());
  return next({ ctx: ctx as MemberContext });
});

/** A subscription for signed-in callers: what it yields reaches them as it comes. */
export const subscribed = <S extends z.ZodType>(input: S) =>
  here.input((given: unknown): z.output<S> => {
    try {
      return parseWith(input, given);
    } catch (refused) {
      throw asTrpcError(refused);
    }
  });
