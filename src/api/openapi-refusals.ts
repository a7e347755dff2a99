import { type Refusal, sharedErrors } from '#kernel/errors.ts';
import type { Route } from '#kernel/route.ts';
import { tokenErrors } from './callers.ts';
import { internal, transports } from './errors.ts';
import { idempotencyErrors, takesIdempotencyKey } from './idempotency.ts';
import { mayWhileSuspended } from './trpc.ts';

/** A refusal as it is documented; `shared` when it means the same wherever it occurs. */
export type Documented = Pick<Refusal, 'code' | 'message'> & { status: number; shared: boolean };

const common = new Set(
  [sharedErrors, tokenErrors, idempotencyErrors].flatMap((errors): Refusal[] =>
    Object.values(errors),
  ),
);

const documented = (refused: Refusal): Documented => ({
  status: transports[refused.kind].http,
  code: refused.code,
  message: refused.message,
  shared: common.has(refused),
});

const everywhere = [
  sharedErrors.validation,
  sharedErrors.unauthenticated,
  tokenErrors.expired,
  sharedErrors.rateLimited,
  sharedErrors.unavailable,
];
const ofBodies = [sharedErrors.tooLarge, sharedErrors.unsupportedMedia];
const ofKeys = [idempotencyErrors.reused, sharedErrors.conflict];

/** What the stages before a procedure refuse, by what its route says. */
const impliedBy = (route: Route): Refusal[] => [
  ...everywhere,
  ...(mayWhileSuspended(route) ? [] : [sharedErrors.suspended]),
  ...(route.caller === 'moderator' || route.caller === 'admin' ? [sharedErrors.forbidden] : []),
  ...(route.method === 'POST' || route.method === 'PUT' ? ofBodies : []),
  ...(takesIdempotencyKey(route) ? ofKeys : []),
  ...(route.media ? [sharedErrors.preconditionFailed] : []),
];

/** Every refusal an operation may answer with, and what a bug is answered with. */
export const refusalsOf = (route: Route): Documented[] => [
  ...[...new Set([...impliedBy(route), ...(route.errors ?? [])])].map(documented),
  { ...internal, shared: true },
];
