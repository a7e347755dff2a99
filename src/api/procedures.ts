import type { AnyRouter } from '@trpc/server';
import type { Route } from '#kernel/route.ts';
import type { RequestContext } from './context.ts';

type CallOptions = {
  ctx: RequestContext;
  path: string;
  type: 'query' | 'mutation';
  getRawInput: () => Promise<unknown>;
  signal: AbortSignal | undefined;
  batchIndex: number;
};

export type Procedure = {
  /** As typed clients name it: `tracks.byId`. */
  path: string;
  type: 'query' | 'mutation';
  route: Route;
  call: (options: CallOptions) => Promise<unknown>;
};

type Built = Procedure['call'] & { _def: { type: Procedure['type']; meta?: { route?: Route } } };

/** Every routed procedure. tRPC keeps them in a flat record at run time but types it as a tree, hence the cast. */
export const proceduresOf = (router: AnyRouter): Procedure[] =>
  Object.entries(router._def.procedures as unknown as Record<string, Built>).flatMap(
    ([path, call]) => {
      const { type, meta } = call._def;
      return meta?.route ? [{ path, type, route: meta.route, call }] : [];
    },
  );
