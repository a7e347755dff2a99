import { createTRPCClient, type TRPCClient, TRPCClientError } from '@trpc/client';
import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server';
import type { AppRouter } from '../app-router.ts';
import type { Fetch } from './authorized-fetch.ts';
import { followSession, plainLink, signedLink } from './links.ts';
import { createSession } from './session.ts';
import { createMemoryStorage, type Tokens, tokensIn, type TokenStorage } from './tokens.ts';

export type { AppRouter, Tokens, TokenStorage };
export type Inputs = inferRouterInputs<AppRouter>;
export type Outputs = inferRouterOutputs<AppRouter>;

export type VezaClientOptions = {
  /** Where the service is, like `https://api.veza.app`; empty for the page's own origin. */
  url: string;
  /** By default tokens are kept in memory. */
  storage?: TokenStorage;
  fetch?: Fetch;
  /** Called when the tokens were dropped: by `signOut` or a logout, or because the session had ended. */
  onSignedOut?: () => void;
};

export type VezaClient = {
  /**
   * Every operation, typed: `api.tracks.byId.query({ id })`. What a call refuses with is a `TRPCClientError`
   * whose `data.code` is stable. Answers that carry tokens are remembered, and every later call is signed with them.
   */
  api: TRPCClient<AppRouter>;
  /** Whether there are tokens; the next call tells whether the session still lives. */
  signedIn: () => boolean;
  /** Forgets the tokens, after ending the session on the server if that can be reached. */
  signOut: () => Promise<void>;
};

const LONGEST_REFRESH_MS = 10_000;

/** A refusal is final; an outage, a limit or a broken line is not. */
const isRefused = (fault: unknown): boolean =>
  fault instanceof TRPCClientError && [400, 401, 403].includes(Number(fault.data?.httpStatus));

const exchangeBy =
  (api: TRPCClient<AppRouter>) =>
  async (refresh_token: string): Promise<Tokens | undefined> => {
    const signal = AbortSignal.timeout(LONGEST_REFRESH_MS);
    try {
      return tokensIn(await api.auth.refresh.mutate({ refresh_token }, { signal }));
    } catch (fault) {
      if (isRefused(fault)) return undefined;
      throw fault;
    }
  };

/**
 * A client of the service for browsers and Node. It signs calls, batches them, and when the access token has
 * expired refreshes it once for all calls that need it and sends those again.
 */
export const createVezaClient = (options: VezaClientOptions): VezaClient => {
  const { storage = createMemoryStorage(), onSignedOut } = options;
  const fetch: Fetch = options.fetch ?? ((given, init) => globalThis.fetch(given, init));
  const url = `${options.url.replace(/\/$/, '')}/trpc`;
  const exchange = exchangeBy(createTRPCClient({ links: [plainLink(url, fetch)] }));
  const session = createSession({ storage, exchange, onSignedOut });
  const api = createTRPCClient<AppRouter>({
    links: [followSession(session), signedLink(url, fetch, session)],
  });
  return {
    api,
    signedIn: session.isOpen,
    async signOut() {
      if (session.isOpen()) await api.auth.logout.mutate().catch(() => undefined);
      session.drop();
    },
  };
};
