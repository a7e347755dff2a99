/** What production demands to be set; nothing of it is reached by a test. */
export const production = {
  ENVIRONMENT: 'production',
  DATABASE_URL: 'postgres://localhost/unused',
  JWT_SECRET: 'a secret of a test that is long enough to sign',
  STREAM_SECRET: 'another secret of a test that is long enough',
  STORAGE_URL: 'file:///nonexistent/veza-test',
  GRPC_PORT: 'off',
};
