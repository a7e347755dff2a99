import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { codeOf } from '#kernel/errors.ts';
import { embeddedPostgresErrors } from './errors.ts';
import { commandOf, identify } from './process-identity.ts';

/** A running server, whoever started it. */
export type Postmaster = { identity: string; pid: number; port: number };

/** Recovery after a crash replays what was written since the last checkpoint. */
export const LONGEST_START_MS = 60_000;

type PidFile = { pid: number; port: number; status: string };

/** postmaster.pid: line 1 the process, line 4 the port, line 8 what it is about. */
const readPidFile = async (data: string): Promise<PidFile | undefined> => {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number(lines[0]);
  return pid > 0 ? { pid, port: Number(lines[3]), status: lines[7] ?? '' } : undefined;
};

/** The server of this data directory once it is ready; undefined when there is none or it is going. */
export const findReadyPostmaster = async (
  data: string,
  signal?: AbortSignal,
): Promise<Postmaster | undefined> => {
  const deadline = performance.now() + LONGEST_START_MS;
  for (;;) {
    const found = await findPostmaster(data);
    if (found === undefined || found.status === 'ready') return found;
    if (performance.now() > deadline) throw notReady(found.pid);
    await wait(5, undefined, { signal });
  }
};

/** The server of this data directory, ready or not; a process that merely got the same pid is not one. */
export const findPostmaster = async (
  data: string,
): Promise<(Postmaster & { status: string }) | undefined> => {
  const file = await readPidFile(data);
  if (file === undefined) return undefined;
  const identity = await identify(file.pid);
  if (identity === undefined || !(await serves(file.pid, data))) return undefined;
  return { identity, ...file };
};

const serves = async (pid: number, data: string): Promise<boolean> =>
  `${await commandOf(pid)} `.includes(`/postgres -D ${data} `);

export const isRunning = async ({ pid, identity }: Postmaster): Promise<boolean> =>
  (await identify(pid)) === identity;

/** PostgreSQL clears what a dead server left, unless the pid was given to somebody else or to a process not reaped. */
export const clearStalePidFile = async (data: string): Promise<void> => {
  const file = await readPidFile(data);
  if (file && isTaken(file.pid)) await rm(join(data, 'postmaster.pid'), { force: true });
};

const isTaken = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
};

const notReady = (pid: number) =>
  embeddedPostgresErrors.startFailed({
    message: `The embedded PostgreSQL (pid ${pid}) neither became ready nor ended`,
  });

/** First fast (sessions are cut, all is written), then immediate (the next start recovers). */
const shutdowns = [
  { signal: 'SIGINT', timeout_ms: 4_000 },
  { signal: 'SIGQUIT', timeout_ms: 7_000 },
] as const;

export const stopPostmaster = async (postmaster: Postmaster): Promise<void> => {
  for (const { signal, timeout_ms } of shutdowns) {
    if (await isRunning(postmaster)) send(postmaster.pid, signal);
    if (await endsWithin(postmaster, timeout_ms)) return;
  }
  throw embeddedPostgresErrors.stopFailed({
    message: `The embedded PostgreSQL (pid ${postmaster.pid}) did not stop in time`,
  });
};

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself meanwhile.
  }
};

const endsWithin = async (postmaster: Postmaster, timeout_ms: number): Promise<boolean> => {
  const deadline = performance.now() + timeout_ms;
  while (await isRunning(postmaster)) {
    if (performance.now() > deadline) return false;
    await wait(5);
  }
  return true;
};
