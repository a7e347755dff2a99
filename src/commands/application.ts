import { existsSync } from 'node:fs';
import { type Config, readConfig } from '#config.ts';
import { migrateJobs } from '#platform/jobs.ts';
import { createLogger } from '#platform/logger.ts';
import { migrateDatabase } from '#platform/postgres/migrate.ts';
import { buildApp } from '../app.ts';
import { closeOutside, openOutside } from '../outside.ts';
import { readVersion, serveDatabase } from '../start.ts';

type Application = Awaited<ReturnType<typeof buildApp>> & { config: Config };

const configure = (): Config => {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return readConfig(process.env);
};

/**
 * Runs a command on the application of this folder or environment, whether or not a service is running beside
 * it. Nothing listens; jobs are left to the service.
 */
export const withApplication = async (work: (app: Application) => Promise<void>): Promise<void> => {
  const config = configure();
  const log = createLogger({ level: 'warn', pretty: true });
  const database = await serveDatabase(config, log);
  const version = await readVersion();
  const outside = await openOutside({ config, database_url: database.url, log, version });
  const app = await buildApp(outside, config);
  try {
    const afterwards = () => migrateJobs(database.migration_url, app.jobs);
    await migrateDatabase({ ...database, afterwards });
    await outside.jobs.start([]);
    await work({ ...app, config });
  } finally {
    await app.close();
    await closeOutside(outside);
    await database.leave();
  }
};
