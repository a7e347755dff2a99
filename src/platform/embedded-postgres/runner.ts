import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { embeddedPostgresErrors } from './errors.ts';

type User = { uid: number; gid: number };

/** On whose behalf the binaries run: PostgreSQL refuses to be root. */
export type Runner =
  | { as: 'self' }
  /** Root outside, an ordinary user inside a namespace: files stay ours. */
  | { as: 'namespace'; unshare: string }
  | { as: 'user'; user: User };

/** `nobody` on every Linux; initdb wants a user that has a name. */
const nobody: User = { uid: 65_534, gid: 65_534 };

export const namespaceArguments = ['--user', `--map-user=${nobody.uid}`, '--'];

/** @param unshare the program of util-linux that makes namespaces */
export const chooseRunner = async (unshare: string): Promise<Runner> => {
  if (process.getuid?.() !== 0) return { as: 'self' };
  if (await allowsNamespaces(unshare)) return { as: 'namespace', unshare };
  return { as: 'user', user: nobody };
};

/** Data that exist are served by whom they belong to. */
export const runnerOf = async (data: string, unshare: string): Promise<Runner> => {
  const { uid, gid } = await stat(data);
  if (process.getuid?.() === 0 && uid !== 0) return { as: 'user', user: { uid, gid } };
  const runner = await chooseRunner(unshare);
  if (runner.as !== 'user') return runner;
  throw embeddedPostgresErrors.unusable({
    message: `${data} belongs to root and user namespaces, which would let root serve it, are refused`,
  });
};

const allowsNamespaces = (unshare: string): Promise<boolean> =>
  promisify(execFile)(unshare, [...namespaceArguments, 'true'], { env: {}, timeout: 5_000 }).then(
    () => true,
    () => false,
  );

/** Whether any user may pass through `path` and every folder above it. */
export const isOpenToOthers = async (path: string): Promise<boolean> => {
  const { mode } = await stat(path);
  if ((mode & 0o1) === 0) return false;
  return dirname(path) === path || isOpenToOthers(dirname(path));
};
