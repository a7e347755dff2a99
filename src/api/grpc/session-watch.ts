import { sharedErrors } from '#kernel/errors.ts';
import type { Identification } from '../context.ts';
import type { CallFacts } from './observed.ts';

const LOOK_MS = 500;

/** A stream outlives its access token, but not its session: it ends within a second of it. */
export const watchSessions = (
  open: ReadonlySet<CallFacts>,
  identification: Identification,
): (() => void) => {
  const check = async ({ claims, stop }: CallFacts): Promise<void> => {
    if (!claims) return;
    const member = await identification.memberOf(claims);
    if (!member) stop.abort(sharedErrors.unauthenticated({ message: 'The session has ended' }));
  };
  const look = (): void => {
    for (const facts of open)
      if (facts.streams && facts.working)
        // A database that does not answer says nothing of the session.
        void check(facts).catch(() => undefined);
  };
  const looking = setInterval(look, LOOK_MS);
  looking.unref();
  return () => clearInterval(looking);
};
