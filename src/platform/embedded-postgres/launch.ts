import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BaseLogger } from 'pino';
import { namespaceArguments, type Runner } from './runner.ts';

/** What this folder needs of a logger. */
export type Log = Pick<BaseLogger, 'info' | 'warn'>;

export type Program = {
  runner: Runner;
  /** The binary, then its arguments. */
  command: readonly [string, ...string[]];
  env: Record<string, string>;
  /** Where what it prints is appended. */
  log: string;
  /** In a session of its own, a Ctrl-C in our terminal does not reach it. */
  detached: boolean;
};

const MOST_LOG_BYTES = 16 * 1024 * 1024;

export const logOf = (folder: string): string => join(folder, 'postgres.log');

/** @returns once it runs; rejects when there is no such program or we may not run it */
export const launch = async (program: Program): Promise<ChildProcess> => {
  const [file, ...args] = invocation(program);
  const log = await open(program.log, 'a', 0o600);
  try {
    const child = spawn(file, args, {
      cwd: '/',
      env: program.env,
      detached: program.detached,
      stdio: ['ignore', log.fd, log.fd],
      ...(program.runner.as === 'user' && program.runner.user),
    });
    await once(child, 'spawn');
    return child;
  } finally {
    await log.close();
  }
};

/** @returns its exit code, or null when a signal ended it, whenever that was */
export const untilEnded = async (
  child: ChildProcess,
  signal: AbortSignal,
): Promise<number | null> => {
  if (!hasEnded(child)) await once(child, 'exit', { signal });
  return child.exitCode;
};

export const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null;

const invocation = ({ runner, command }: Program): readonly [string, ...string[]] =>
  runner.as === 'namespace' ? [runner.unshare, ...namespaceArguments, ...command] : command;

/** Keeps the log from growing for ever: the one before it is kept, older ones are not. */
export const turnLog = async (log: string): Promise<void> => {
  const size = await stat(log).then(
    (found) => found.size,
    () => 0,
  );
  if (size > MOST_LOG_BYTES) await rename(log, `${log}.old`);
};
