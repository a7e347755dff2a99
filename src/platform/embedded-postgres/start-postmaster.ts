import type { ChildProcess } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { DomainError } from '#kernel/errors.ts';
import { prepareBinaries } from './binaries.ts';
import type { Cluster } from './cluster.ts';
import { embeddedPostgresErrors } from './errors.ts';
import { hasEnded, launch, logOf, turnLog, untilEnded } from './launch.ts';
import {
  clearStalePidFile,
  findPostmaster,
  type Postmaster,
  LONGEST_START_MS,
} from './postmaster.ts';
import { runnerOf } from './runner.ts';

export type Start = {
  durable: boolean;
  max_connections: number;
  unshare: string;
  native: string;
  /** Whether others hold connection strings with the port of last time, so that no other will do. */
  keep_port: boolean;
  signal?: AbortSignal | undefined;
};

/** Starts the server and waits until it accepts connections; it outlives this process. */
export const startPostmaster = async (cluster: Cluster, start: Start): Promise<Postmaster> => {
  const log = logOf(cluster.folder);
  const port = await choosePort(cluster.folder, start.keep_port);
  const server = await spawnServer(cluster, start, port).catch((cause) => {
    throw failed(log, cause);
  });
  try {
    const postmaster = await untilReady(server, cluster.data, start.signal);
    await writeFile(portFile(cluster.folder), String(port));
    return postmaster;
  } catch (cause) {
    await abandon(server);
    throw failed(log, cause);
  }
};

const failed = (log: string, cause: unknown): DomainError => {
  if (cause instanceof DomainError) return cause;
  const message = `The embedded PostgreSQL did not start: see ${log}`;
  return embeddedPostgresErrors.startFailed({ message, cause });
};

const portFile = (folder: string) => join(folder, 'port');

/** The port of last time, so that connection strings stay good; if it is taken, one the kernel chooses. */
const choosePort = async (folder: string, keep: boolean): Promise<number> => {
  const last = Number(await readFile(portFile(folder), 'utf8').catch(() => '0'));
  if (keep && last > 0) return last;
  return reserve(last).catch(() => reserve(0));
};

const reserve = async (port: number): Promise<number> => {
  const probe = createServer().listen(port, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address !== null ? address.port : port;
};

const spawnServer = async (
  { folder, data }: Cluster,
  start: Start,
  port: number,
): Promise<ChildProcess> => {
  const log = logOf(folder);
  await turnLog(log);
  await clearStalePidFile(data);
  const runner = await runnerOf(data, start.unshare);
  const { postgres, env } = await prepareBinaries(start.native, { runner, home: dirname(data) });
  const settings = Object.entries({ ...settingsOf(start), port }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const command = [postgres, '-D', data, ...settings] as const;
  const server = await launch({ runner, command, env, log, detached: true });
  server.unref();
  return server;
};

const settingsOf = ({ durable, max_connections }: Start): Record<string, string | number> => ({
  listen_addresses: '127.0.0.1',
  // No socket file: its path may hold 107 bytes only, and TCP serves every client.
  unix_socket_directories: '',
  max_connections,
  shared_preload_libraries: 'pg_stat_statements',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  ...(!durable && { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
});

const untilReady = async (
  server: ChildProcess,
  data: string,
  signal: AbortSignal | undefined,
): Promise<Postmaster> => {
  const deadline = performance.now() + LONGEST_START_MS;
  while (!hasEnded(server) && performance.now() < deadline) {
    const found = await findPostmaster(data);
    if (found?.pid === server.pid && found?.status === 'ready') return found;
    await wait(5, undefined, { signal });
  }
  throw new Error(hasEnded(server) ? 'it ended at once' : 'it took too long');
};

const abandon = async (server: ChildProcess): Promise<void> => {
  server.kill('SIGQUIT');
  await untilEnded(server, AbortSignal.timeout(7_000)).catch(() => server.kill('SIGKILL'));
};
