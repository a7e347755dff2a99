import type { Session } from './session.ts';
import type { Tokens } from './tokens.ts';

/** As much of `fetch` as is used. */
export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

const signed = (init: RequestInit | undefined, tokens: Tokens | undefined): RequestInit => {
  const headers = new Headers(init?.headers);
  if (tokens) headers.set('authorization', `Bearer ${tokens.access_token}`);
  return { ...init, headers };
};

/** The error answer of tRPC, as far as it is one: whoever stands between may have answered instead. */
const codeIn = (answer: unknown): unknown =>
  (answer as { error?: { data?: { code?: unknown } } } | null)?.error?.data?.code;

const refusals: readonly unknown[] = ['TOKEN_EXPIRED', 'UNAUTHENTICATED'];

/** Whether it was the token that was refused, and not something that the call said. */
const refusesToken = async (response: Response): Promise<boolean> => {
  if (response.status !== 401) return false;
  const answer: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  return [answer].flat().some((each) => refusals.includes(codeIn(each)));
};

/** Sends requests with the session's token; one whose token is refused is sent again with a new one. */
export const authorizedFetch =
  (fetch: Fetch, session: Session): Fetch =>
  async (url, init) => {
    const tokens = await session.usable();
    const response = await fetch(url, signed(init, tokens));
    if (!tokens || !(await refusesToken(response))) return response;
    const renewed = await session.renew(tokens);
    return renewed ? fetch(url, signed(init, renewed)) : response;
  };
