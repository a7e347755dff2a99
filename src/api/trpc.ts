import { initTRPC } from '@trpc/server';
import type { z } from 'zod';
import { type Actor, hasRole, userIdOf } from '#kernel/actor.ts';
import { invalidFields, refusal, sharedErrors } from '#kernel/errors.ts';
import type { Route } from '#kernel/route.ts';
import type { MemberContext, RequestContext } from './context.ts';
import { asTrpcError, describeError } from './errors.ts';
import { networkOf } from './network.ts';

export type ProcedureMeta = { route: Route };

export const accountErrors = {
  suspended: refusal('forbidden', 'ACCOUNT_SUSPENDED', 'Your account is suspended'),
};

const t = initTRPC
  .context<RequestContext>()
  .meta<ProcedureMeta>()
  .create({
    isDev: false,
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
const mayWhileSuspended = ({ method, tag, suspended }: Route): boolean =>
  method === 'GET' || method === 'DELETE' || tag === 'auth' || suspended === 'allowed';

/** Refuses callers that the route is not for. */
const assertCaller = (route: Route, actor: Actor): void => {
  if (actor.type === 'member' && actor.state === 'suspended' && !mayWhileSuspended(route))
    throw accountErrors.suspended();
  if (route.caller === 'anyone') return;
  if (actor.type !== 'member') throw sharedErrors.unauthenticated();
  if (route.caller !== 'member' && !hasRole(actor, route.caller)) throw sharedErrors.forbidden();
};

type Admission = { ctx: RequestContext; route: Route; rawInput: () => Promise<unknown> };

/** A call that is malformed costs nothing: only a valid input is counted. */
const spend = async ({ ctx, route, rawInput }: Admission): Promise<void> => {
  const { limit } = route;
  if (!limit) return;
  const caller = limit.by === 'user' ? userIdOf(ctx.actor) : networkOf(ctx.origin.ip_address);
  const input = route.form ? undefined : route.input.safeParse(await rawInput());
  if (input?.success === false) return;
  ctx.spend(limit.name, `${caller}|${limit.account?.(input?.data as never) ?? ''}`);
};

/** Whether the call may be made at all: who calls, how often, and alone or among others. */
const admitted = async ({
  ctx,
  meta,
  getRawInput: rawInput,
}: {
  ctx: RequestContext;
  meta: ProcedureMeta | undefined;
  getRawInput: () => Promise<unknown>;
}): Promise<Route> => {
  if (!meta) throw new Error('A procedure has no route');
  const { route } = meta;
  assertCaller(route, ctx.actor);
  if (ctx.batch_size > 1 && route.batchable === false)
    throw invalidFields([{ field: '', message: 'This call is not taken in a batch' }]);
  if (route.limit) await spend({ ctx, route, rawInput });
  return route;
};

/** One middleware for all that every call needs: each costs copies of the call's options. Refusals get their code here. */
const admit = t.middleware(async (call) => {
  const route = await admitted(call);
  const result = await (route.form
    ? call.next({ getRawInput: async () => call.ctx.form() })
    : call.next());
  if (!result.ok) throw asTrpcError(result.error);
  return result;
});

/** The same, for procedures that only signed-in callers reach. */
const admitMember = t.middleware(async (call) => {
  const route = await admitted(call);
  const ctx = call.ctx as MemberContext;
  // tRPC takes both at once; its types know them only one by one.
  const form = { ctx, getRawInput: async () => ctx.form() } as { ctx: MemberContext };
  const result = await call.next(route.form ? form : { ctx });
  if (!result.ok) throw asTrpcError(result.error);
  return result;
});

const open = t.procedure.use(admit);
const signedIn = t.procedure.use(admitMember);

/** A procedure for any caller. */
export const anyone = <I extends z.ZodType, O extends z.ZodType>(route: Route<I, O>) =>
  open.meta({ route }).input(route.input).output(route.output);

/** A procedure for signed-in callers, of the role that the route names. */
export const member = <I extends z.ZodType, O extends z.ZodType>(route: Route<I, O>) =>
  signedIn.meta({ route }).input(route.input).output(route.output);
