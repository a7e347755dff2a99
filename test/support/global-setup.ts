import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { TestProject } from 'vitest/node';
import { joinEmbeddedPostgres } from '#platform/embedded-postgres/embedded-postgres.ts';
import { migrateDatabase } from '#platform/postgres/migrate.ts';
import { migrateJobs } from '#platform/jobs.ts';
import { createDatabaseFrom, dropDatabase } from './clone.ts';
import { describeApplication } from '../../src/described.ts';
import { queues } from './queues.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the migrated database that every test file clones. */
    template: { url: string; migration_url: string };
    /** The OpenAPI document of the contracts as they are now. */
    document: string;
  }
}

/** A throwaway server for one run of the suite, or the one that is named; nothing of it is kept. */
const serve = async () => {
  const named = process.env['TEST_DATABASE_URL'];
  if (named) return { url: named, migration_url: named, leave: async () => undefined };
  const folder = await mkdtemp(join(tmpdir(), 'veza-test-'));
  const log = pino({ level: 'warn' }, pino.destination({ sync: true }));
  const server = await joinEmbeddedPostgres({ folder, log, durable: false });
  const leave = async () => {
    await server.leave();
    await rm(folder, { recursive: true, force: true });
  };
  return { url: server.url, migration_url: server.migration_url, leave };
};

export default async (project: TestProject) => {
  const server = await serve();
  const template = await createDatabaseFrom(server, undefined);
  await migrateDatabase({
    ...template,
    afterwards: () => migrateJobs(template.migration_url, queues),
  });
  project.provide('template', template);
  project.provide('document', await describeApplication());
  return async () => {
    await dropDatabase(template);
    await server.leave();
  };
};
