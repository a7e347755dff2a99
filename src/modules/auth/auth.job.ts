import type { JobKind } from '#platform/jobs.ts';

/** Forgets what signing in no longer needs: guessed names would otherwise be kept for ever. */
export const forgetSignIns = (purge: () => Promise<void>): JobKind<object> => ({
  name: 'auth.purge',
  retry_limit: 3,
  longest_seconds: 600,
  schedule: '53 * * * *',
  run: purge,
});
