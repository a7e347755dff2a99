import { initTRPC } from '@trpc/server';
import type { z } from 'zod';
import { type Actor, hasRole, userIdOf } from '#kernel/actor.ts';
import { invalidFields, refusal, sharedErrors } from '#kernel/errors.ts';
import type { Route } from '#kernel/route.ts';
import type { MemberContext, RequestContext } from './context.ts';
import { asTrpcError, describeError } from './errors.ts';

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

/** Whether the call may be made at all: who calls, and alone or among others. Refusals get their code here. */
const admit = t.middleware(async ({ ctx, meta, next }) => {
  if (!meta) throw new Error('A procedure has no route');
  const { route } = meta;
  assertCaller(route, ctx.actor);
  if (ctx.batch_size > 1 && route.batchable === false)
    throw invalidFields([{ field: '', message: 'This call is not taken in a batch' }]);
  const result = await (route.form ? next({ getRawInput: async () => ctx.form() }) : next());
  if (!result.ok) throw asTrpcError(result.error);
  return result;
});

/** After the input is known to be valid: a call that was malformed costs nothing here. */
const spend = t.middleware(async ({ ctx, meta, input, next }) => {
  const limit = meta?.route.limit;
  if (limit) {
    const caller = limit.by === 'user' ? userIdOf(ctx.actor) : ctx.origin.ip_address;
    ctx.spend(limit.name, `${caller}|${limit.account?.(input as never) ?? ''}`);
  }
  return next();
});

const asMember = t.middleware(async ({ ctx, next }) => next({ ctx: ctx as MemberContext }));

const open = t.procedure.use(admit);
const signedIn = open.use(asMember);

/** A procedure for any caller. */
export const anyone = <I extends z.ZodType, O extends z.ZodType>(route: Route<I, O>) =>
  open.meta({ route }).input(route.input).use(spend).output(route.output);

/** A procedure for signed-in callers, of the role that the route names. */
export const member = <I extends z.ZodType, O extends z.ZodType>(route: Route<I, O>) =>
  signedIn.meta({ route }).input(route.input).use(spend).output(route.output);
