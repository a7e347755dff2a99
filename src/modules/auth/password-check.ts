import type { Deps } from './auth.ports.ts';

type Guess = { counter: string; password: string; hash: string | undefined };

/**
 * Whether the password is the one that was hashed; false, and as slowly, while the counter has too many
 * failures. Guesses on one counter take turns and count as failed before the password is looked at:
 * many at once are no faster, and those who know the password are not taken for guessers.
 */
export const isRightPassword = <P>(
  {
    attempts,
    passwords,
    takeTurn,
    now,
  }: Pick<Deps<P>, 'attempts' | 'passwords' | 'takeTurn' | 'now'>,
  { counter, password, hash }: Guess,
): Promise<boolean> =>
  takeTurn(counter, async () => {
    const mayTry = await attempts.begin(counter, now());
    const isRight = await passwords.matches(password, mayTry ? hash : undefined);
    if (isRight) await attempts.forgive(counter);
    return isRight;
  });
