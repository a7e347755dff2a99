import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { TestApp } from './app.ts';
import { type Answer, form, http, rest } from './calls.ts';
import type { TestUser } from './factories.ts';

type File = { content: Buffer; filename?: string; name?: string };
type Fields = Record<string, string | string[]>;

export const upload = (
  app: TestApp,
  { token }: Pick<TestUser, 'token'>,
  file: File,
  fields: Fields = {},
): Promise<Answer> => rest(app, '/tracks', { method: 'POST', token, ...form(file, fields) });

export const audio = (name: string): Promise<Buffer> =>
  readFile(new URL(`../fixtures/audio/${name}`, import.meta.url));

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Waits until the job has read the track, by asking for it as its owner does. */
export const untilProcessed = async (app: TestApp, owner: TestUser, id: number) => {
  const read = async () => (await rest(app, `/tracks/${id}`, { token: owner.token })).json.data;
  await expect
    .poll(async () => (await read()).status, { interval: 50, timeout: 15_000 })
    .not.toBe('processing');
  return read();
};

/** Published and staged, relative to the files folder. */
export const filesOf = async (app: TestApp): Promise<string[]> => {
  const folder = join(app.folder, 'files');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
};

export const query = async (app: TestApp, statement: string): Promise<Record<string, unknown>[]> =>
  (await app.outside.pool.query(statement)).rows;

/** Everything an upload can leave: files, rows, jobs and used quota. */
export const keptBy = async (app: TestApp) => {
  const [counts] = await query(
    app,
    `select (select count(*)::int from tracks) as tracks,
            (select count(*)::int from blobs) as blobs,
            (select count(*)::int from pgboss.job where name = 'tracks.process') as jobs,
            (select sum(storage_used_bytes)::bigint from users) as used`,
  );
  return { ...counts, files: (await filesOf(app)).sort() };
};

/** Of the body, all that does not differ from request to request. */
export const withoutMeta = ({ status, json }: Answer) => {
  const { meta: _, ...body } = json;
  return { status, body };
};

/** A link of this service, as a call outside `/api/v1` names it. */
export const pathOf = (url: string): string => {
  const { pathname, search } = new URL(url, 'http://localhost');
  return pathname + search;
};

export const play = (app: TestApp, url: string, headers: Record<string, string> = {}) =>
  http(app, pathOf(url), { headers });

/** Runs a scheduled job now. */
export const runJob = async (app: TestApp, name: string): Promise<void> => {
  const job = app.jobs.find((kind) => kind.name === name);
  if (!job) throw new Error(`No job is called ${name}`);
  const { signal } = new AbortController();
  await job.run({ data: {} as never, signal, progress: async () => undefined });
};
