import type { Pool } from 'pg';
import { createTrackReads } from '#modules/tracks/tracks.postgres.ts';
import { createDatabase } from '#platform/postgres/database.ts';

/** The very statement that our read of a track sends, so that both sides ask the database the same. */
export const trackQuery = async (): Promise<{ text: string; constants: unknown[] }> => {
  let sent: { text: string; values: unknown[] } | undefined;
  const listener = {
    query: async ({ text }: { text: string }, values: unknown[]) => {
      sent = { text, values };
      return { rows: [] };
    },
  };
  // It stands in for a pool as far as Drizzle asks anything of one.
  await createTrackReads(createDatabase(listener as unknown as Pool).db).findOneById(1);
  if (!sent) throw new Error('The store sent nothing');
  return { text: sent.text, constants: sent.values.slice(1) };
};
