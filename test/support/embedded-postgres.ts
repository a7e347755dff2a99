import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { onTestFinished } from 'vitest';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  joinEmbeddedPostgres,
} from '#platform/embedded-postgres/embedded-postgres.ts';
import { findPostmaster, stopPostmaster } from '#platform/embedded-postgres/postmaster.ts';

const log = { info: () => {}, warn: () => {} };

export const joinFolder = (folder: string, options: Partial<EmbeddedPostgresOptions> = {}) =>
  joinEmbeddedPostgres({ folder, log, durable: false, ...options });

/** The server of a folder, whoever started it. */
export const findServer = async (folder: string) =>
  findPostmaster(await realpath(join(folder, 'data')));

/** Stops whatever a test left running in a folder. */
export const stopServer = async (folder: string): Promise<void> => {
  const server = await findServer(folder).catch(() => undefined);
  if (server) await stopPostmaster(server);
};

/** @returns a folder that is gone when the test is over, with its server and data that lie elsewhere */
export const createFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'veza-test-'));
  onTestFinished(() => removeFolder(folder));
  return folder;
};

export const removeFolder = async (folder: string): Promise<void> => {
  await stopServer(folder);
  const data = await realpath(join(folder, 'data')).catch(() => join(folder, 'data'));
  for (const path of [dirname(data), folder]) rmSync(path, { recursive: true, force: true });
};

export type Member = Pick<EmbeddedPostgres, 'url' | 'port' | 'started'> & {
  child: ReturnType<typeof spawnMember>;
};

/** @param user who runs the process, when it is not whoever runs the tests */
export const spawnMember = (folder: string, user: { uid?: number; gid?: number } = {}) => {
  const script = fileURLToPath(new URL('embedded-postgres-member.ts', import.meta.url));
  const child = spawn(process.execPath, [script, folder], {
    ...user,
    cwd: '/',
    env: {},
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
};

export const untilJoined = async (child: ReturnType<typeof spawnMember>): Promise<Member> => {
  for await (const line of createInterface(child.stdout)) return { ...JSON.parse(line), child };
  throw new Error('The member ended before it had joined');
};

export const killMember = async (child: ChildProcess): Promise<void> => {
  child.kill('SIGKILL');
  await once(child, 'exit');
};

/** @returns the rows of one statement on a connection of its own */
export const query = async (url: string, statement: string): Promise<unknown[]> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
};
