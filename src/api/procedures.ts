import type { AnyRouter } from '@trpc/server';
import type { Route } from '#kernel/route.ts';
import type { ProcedureMeta, Run } from './trpc.ts';

export type Procedure = {
  /** As typed clients name it: `tracks.byId`. */
  path: string;
  type: 'query' | 'mutation';
  route: Route;
  run: Run;
};

type Built = { _def: { type: Procedure['type']; meta?: ProcedureMeta } };

/** Every procedure. tRPC keeps them in a flat record at run time but types it as a tree, hence the cast. */
export const proceduresOf = (router: AnyRouter): Procedure[] =>
  Object.entries(router._def.procedures as unknown as Record<string, Built>).flatMap(
    ([path, { _def }]) => {
      const { type, meta } = _def;
      return meta ? [{ path, type, route: meta.route, run: meta.run }] : [];
    },
  );
