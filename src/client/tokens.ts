/** What a client keeps of a session between calls. */
export type Tokens = {
  access_token: string;
  refresh_token: string;
  /** When the access token expires, by this machine's clock: milliseconds since 1970. */
  expires_at: number;
};

/**
 * Where tokens are kept. It is read at every call, so that several clients, in as many tabs, may share one;
 * over `localStorage` it is a `JSON.parse` and a `JSON.stringify`.
 */
export interface TokenStorage {
  get(): Tokens | undefined;
  /** Undefined when signed out. */
  set(tokens: Tokens | undefined): void;
}

/** Lives as long as the page. */
export const createMemoryStorage = (): TokenStorage => {
  let kept: Tokens | undefined;
  return {
    get: () => kept,
    set(tokens) {
      kept = tokens;
    },
  };
};

/** Every answer that opens or continues a session has these fields. */
type SessionAnswer = { access_token: string; refresh_token: string; expires_in: number };

export const isSessionAnswer = (answer: unknown): answer is SessionAnswer =>
  typeof answer === 'object' &&
  answer !== null &&
  'access_token' in answer &&
  'refresh_token' in answer &&
  'expires_in' in answer;

export const tokensIn = ({ access_token, refresh_token, expires_in }: SessionAnswer): Tokens => ({
  access_token,
  refresh_token,
  expires_at: Date.now() + expires_in * 1000,
});

/** A token this near its end may be over when it arrives. */
const MARGIN_MS = 5000;

export const isExpiring = ({ expires_at }: Tokens): boolean => expires_at - MARGIN_MS <= Date.now();
