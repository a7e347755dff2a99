import { isExpiring, type Tokens, type TokenStorage } from './tokens.ts';

type Deps = {
  storage: TokenStorage;
  /** Undefined when the refresh token is refused; throws when that cannot be known. */
  exchange: (refresh_token: string) => Promise<Tokens | undefined>;
  onSignedOut: (() => void) | undefined;
};

export type Session = ReturnType<typeof createSession>;

/** The tokens of one client. However many calls need new ones at once, they are asked for once. */
export const createSession = ({ storage, exchange, onSignedOut }: Deps) => {
  let renewing: Promise<Tokens | undefined> | undefined;

  const drop = (): void => {
    if (!storage.get()) return;
    storage.set(undefined);
    onSignedOut?.();
  };

  /** What another client has put into the storage meanwhile is newer than this answer, and stays. */
  const replace = async (old: Tokens): Promise<Tokens | undefined> => {
    const fresh = await exchange(old.refresh_token);
    const current = storage.get();
    if (current?.refresh_token !== old.refresh_token) return current;
    if (fresh) storage.set(fresh);
    else drop();
    return fresh;
  };

  /** Tokens to use instead of these; undefined when the session has ended. */
  const renew = async (used: Tokens): Promise<Tokens | undefined> => {
    const current = storage.get();
    if (current?.access_token !== used.access_token) return current;
    renewing ??= replace(current).finally(() => {
      renewing = undefined;
    });
    return renewing;
  };

  return {
    isOpen: (): boolean => storage.get() !== undefined,
    keep: (tokens: Tokens): void => storage.set(tokens),
    drop,
    renew,
    /** Tokens for the next call; undefined makes it a stranger's. */
    async usable(): Promise<Tokens | undefined> {
      const tokens = storage.get();
      return tokens && isExpiring(tokens) ? renew(tokens) : tokens;
    },
  };
};
