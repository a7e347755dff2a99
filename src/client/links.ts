import {
  httpBatchLink,
  httpLink,
  isNonJsonSerializable,
  splitLink,
  type TRPCLink,
} from '@trpc/client';
import { tap } from '@trpc/server/observable';
import type { AppRouter } from '../app-router.ts';
import { authorizedFetch, type Fetch } from './authorized-fetch.ts';
import type { Session } from './session.ts';
import { isSessionAnswer, tokensIn } from './tokens.ts';

/** As many calls as the service takes in one request. */
const MOST_CALLS = 10;
const LONGEST_URL = 8000;

/** Sent without a token: an old one would be refused before a new one could be had. */
const unsigned: readonly string[] = ['auth.login', 'auth.register', 'auth.refresh'];
/** Never sent in a batch. */
export const alone: readonly string[] = [...unsigned, 'users.changePassword'];
const ending: readonly string[] = ['auth.logout', 'auth.logoutAll'];

type Transport = { url: string; fetch: NonNullable<Parameters<typeof httpLink>[0]['fetch']> };

/** tRPC asks for a `fetch` that takes more, but always gives it text and what amounts to a `RequestInit`. */
const transport = (url: string, fetch: Fetch): Transport => ({
  url,
  fetch: (given, init) => fetch(given as string, init as RequestInit | undefined),
});

/** Calls of a stranger, one a request. */
export const plainLink = (url: string, fetch: Fetch): TRPCLink<AppRouter> =>
  httpLink(transport(url, fetch));

/** Calls of the session's user, in batches where they may be. */
export const signedLink = (url: string, fetch: Fetch, session: Session): TRPCLink<AppRouter> => {
  const signing = transport(url, authorizedFetch(fetch, session));
  return splitLink({
    condition: ({ path }) => unsigned.includes(path),
    true: plainLink(url, fetch),
    false: splitLink({
      condition: ({ path, input }) => alone.includes(path) || isNonJsonSerializable(input),
      true: httpLink(signing),
      false: httpBatchLink({ ...signing, maxItems: MOST_CALLS, maxURLLength: LONGEST_URL }),
    }),
  });
};

/** Keeps the tokens of every answer that has some, and drops them when the session was ended. */
export const followSession =
  (session: Session): TRPCLink<AppRouter> =>
  () =>
  ({ op, next }) =>
    next(op).pipe(
      tap({
        next({ result }) {
          if ('data' in result && isSessionAnswer(result.data)) session.keep(tokensIn(result.data));
          if (ending.includes(op.path)) session.drop();
        },
      }),
    );
