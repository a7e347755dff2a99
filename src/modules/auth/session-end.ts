import type { Origin } from '#kernel/actor.ts';
import { authEvents } from './auth.events.ts';
import type { AuthStores, Ending } from './auth.ports.ts';

/** Ends sessions, states so, and answers how many they were. */
export const endSessions = async (
  { sessions, facts }: Pick<AuthStores, 'sessions' | 'facts'>,
  ending: Ending,
  origin: Origin,
): Promise<number> => {
  const { user_id, by: ended_by } = ending;
  const ended = await sessions.endMany(ending);
  for (const session_id of ended)
    await facts.record(
      authEvents.sessionEnded(session_id, { session_id, user_id, ended_by }, origin),
    );
  return ended.length;
};
