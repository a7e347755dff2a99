import {
  access,
  chmod,
  chown,
  constants,
  lstat,
  mkdir,
  mkdtemp,
  realpath,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { exists, prepareBinaries } from './binaries.ts';
import {
  createCredentials,
  type Credentials,
  readCredentials,
  saveCredentials,
} from './credentials.ts';
import { embeddedPostgresErrors } from './errors.ts';
import { launch, type Log, logOf, type Program, untilEnded } from './launch.ts';
import { sweep } from './lock.ts';
import { createSignature } from './process-identity.ts';
import { chooseRunner, isOpenToOthers, type Runner } from './runner.ts';

/** An initialised data directory and the passwords that open it. */
export type Cluster = { folder: string; data: string; credentials: Credentials };

const LONGEST_INIT_MS = 60_000;

export const findCluster = async (folder: string): Promise<Cluster | undefined> => {
  const data = join(folder, 'data');
  if (!(await exists(join(data, 'PG_VERSION')))) return undefined;
  return { folder, data: await realpath(data), credentials: await readCredentials(folder) };
};

export type Creation = {
  folder: string;
  durable: boolean;
  unshare: string;
  /** The installed binaries. */
  native: string;
  log: Log;
  signal?: AbortSignal | undefined;
};

/** Initialises aside and moves into place when complete: what a kill interrupts is never taken for a cluster. */
export const createCluster = async (creation: Creation): Promise<Cluster> => {
  const { folder } = creation;
  await clearPlace(folder);
  const runner = await chooseRunner(creation.unshare);
  const home = await chooseHome(runner, creation);
  const draft = await createDraft(runner, home);
  const credentials = createCredentials();
  try {
    await initialise(creation, { runner, home, draft, password: credentials.postgres });
    await saveCredentials(folder, credentials);
    await settle(draft, folder);
  } catch (error) {
    await rm(home === folder ? draft : home, { recursive: true, force: true });
    throw error;
  }
  return { folder, data: await realpath(join(folder, 'data')), credentials };
};

/** Interrupted drafts go; whatever else is in the way stays, a link to data that are gone, too: to begin anew is the owner's decision. */
const clearPlace = async (folder: string): Promise<void> => {
  await sweep(folder, 'data.');
  const data = join(folder, 'data');
  const found = await lstat(data).catch(() => undefined);
  if (found?.isSymbolicLink())
    throw embeddedPostgresErrors.unusable({
      message: `The data that ${data} leads to are gone; remove it to begin with an empty database`,
    });
  if (found)
    throw embeddedPostgresErrors.unusable({
      message: `${data} is in the way: it is not the data directory of a PostgreSQL server`,
    });
};

/** Where any user may pass and, for data that are to last, nobody tidies up. */
const placeForOthers = async (durable: boolean): Promise<string> => {
  const isThere = await access('/var/lib', constants.W_OK).then(
    () => true,
    () => false,
  );
  return durable && isThere ? '/var/lib' : tmpdir();
};

/** The folder itself, unless it belongs to root and another user has to serve it but cannot get there. */
const chooseHome = async (runner: Runner, { folder, log, durable }: Creation): Promise<string> => {
  if (runner.as !== 'user') return folder;
  const inside = await isOpenToOthers(dirname(folder));
  const home = inside ? folder : await mkdtemp(join(await placeForOthers(durable), 'veza-'));
  await chmod(home, 0o711);
  const why = 'user namespaces are refused: the embedded PostgreSQL runs as another user';
  log.warn({ uid: runner.user.uid, home }, why);
  return home;
};

const createDraft = async (runner: Runner, home: string): Promise<string> => {
  const draft = join(home, `data.${await createSignature()}`);
  await mkdir(draft, { mode: 0o700 });
  await give(draft, runner);
  return draft;
};

const give = async (path: string, runner: Runner): Promise<void> => {
  if (runner.as === 'user') await chown(path, runner.user.uid, runner.user.gid);
};

type Draft = { runner: Runner; home: string; draft: string; password: string };

const initialise = async (creation: Creation, { runner, home, draft, password }: Draft) => {
  const passwordFile = join(home, 'password.new');
  await rm(passwordFile, { force: true });
  await writeFile(passwordFile, password, { mode: 0o600 });
  try {
    await give(passwordFile, runner);
    const { initdb, env } = await prepareBinaries(creation.native, { runner, home });
    const flags = ['-D', draft, `--pwfile=${passwordFile}`, ...initFlags(creation.durable)];
    const log = logOf(creation.folder);
    await run({ runner, command: [initdb, ...flags], env, log, detached: false }, creation.signal);
  } finally {
    await rm(passwordFile, { force: true });
  }
};

const initFlags = (durable: boolean): string[] => [
  '--username=postgres',
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale-provider=builtin',
  '--locale=C.UTF-8',
  '--data-checksums',
  '--no-instructions',
  ...(durable ? [] : ['--no-sync']),
];

const run = async (program: Program, signal: AbortSignal | undefined): Promise<void> => {
  const failed = (cause?: unknown) =>
    embeddedPostgresErrors.initFailed({
      message: `The embedded PostgreSQL could not be initialised: see ${program.log}`,
      cause,
    });
  const initdb = await launch(program).catch((error) => {
    throw failed(error);
  });
  const limit = AbortSignal.timeout(LONGEST_INIT_MS);
  try {
    const code = await untilEnded(initdb, signal ? AbortSignal.any([limit, signal]) : limit);
    if (code !== 0) throw failed();
  } finally {
    initdb.kill();
    await untilEnded(initdb, AbortSignal.timeout(5_000)).catch(() => initdb.kill('SIGKILL'));
  }
};

const settle = (draft: string, folder: string): Promise<void> => {
  const data = join(folder, 'data');
  return dirname(draft) === folder ? rename(draft, data) : symlink(draft, data);
};
