import type { JobKind } from '#platform/jobs.ts';

/** Forgets decisions that explain nothing any more, and strikes that weigh nothing. */
export const forgetDecisions = (purge: () => Promise<void>): JobKind<object> => ({
  name: 'moderation.purge',
  retry_limit: 3,
  longest_seconds: 600,
  schedule: '41 4 * * *',
  run: purge,
});
