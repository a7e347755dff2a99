/** The queues of the application, as far as a test database needs them. */
export const queues = [
  'auth.purge',
  'tracks.process',
  'tracks.purge',
  'moderation.purge',
  'idempotency.purge',
  'cache.purge',
  'storage.sweep',
  'events.purge',
].map((name) => ({
  name,
  retry_limit: 3,
  longest_seconds: 600,
  ...(name === 'tracks.process' && { gaveUp: async () => undefined }),
}));
