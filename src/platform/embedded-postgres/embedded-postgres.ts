import { mkdir, realpath } from 'node:fs/promises';
import { DomainError } from '#kernel/errors.ts';
import { locateBinaries } from './binaries.ts';
import { type Cluster, createCluster, findCluster } from './cluster.ts';
import { createUrl } from './credentials.ts';
import { embeddedPostgresErrors } from './errors.ts';
import { type Log, logOf } from './launch.ts';
import { withLock } from './lock.ts';
import { createMembers } from './members.ts';
import {
  findPostmaster,
  findReadyPostmaster,
  type Postmaster,
  stopPostmaster,
} from './postmaster.ts';
import { provision } from './provision.ts';
import { startPostmaster } from './start-postmaster.ts';
import { supervise } from './supervise.ts';

export type EmbeddedPostgresOptions = {
  /** Holds the data, the passwords, the log and the list of members; made when missing. */
  folder: string;
  log: Log;
  max_connections?: number;
  /** False for throwaway data: faster, and lost when the machine goes down. */
  durable?: boolean;
  /** Gives the joining up. */
  signal?: AbortSignal;
  /** Programs other than those installed: `unshare` of util-linux, and the folder of PostgreSQL's. */
  unshare?: string;
  native?: string;
};

export type EmbeddedPostgres = {
  /** As `veza_app`, who may read and write rows and nothing else. */
  url: string;
  /** As `veza_migrate`, who owns the database. */
  migration_url: string;
  port: number;
  /** What joining took: a new cluster, a start, a server whose members were killed, or one in use. */
  started: 'created' | 'started' | 'adopted' | 'joined';
  /** The last member to leave stops the server. */
  leave: () => Promise<void>;
};

type Site = Required<Omit<EmbeddedPostgresOptions, 'signal'>>;
type Served = { cluster: Cluster; postmaster: Postmaster; started: EmbeddedPostgres['started'] };

/**
 * Makes this process a member of the PostgreSQL server of a folder, which runs as long as it has members,
 * is started again on the same port when it dies, and outlives members that are killed.
 */
export const joinEmbeddedPostgres = async ({
  signal,
  ...options
}: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> => {
  try {
    const site = await openSite(options);
    return await join(site, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof DomainError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw embeddedPostgresErrors.unusable({
      message: `The embedded PostgreSQL failed: ${reason}; its log is ${logOf(options.folder)}`,
      cause: error,
    });
  }
};

const openSite = async (options: Omit<EmbeddedPostgresOptions, 'signal'>): Promise<Site> => {
  await mkdir(options.folder, { recursive: true, mode: 0o700 });
  return {
    max_connections: 400,
    durable: true,
    unshare: 'unshare',
    native: options.native ?? locateBinaries(),
    ...options,
    folder: await realpath(options.folder),
  };
};

const join = async (site: Site, signal: AbortSignal | undefined): Promise<EmbeddedPostgres> => {
  const { folder, log } = site;
  const members = await createMembers(folder);
  const enter = async () => {
    const served = await serve(site, await members.count(), signal);
    return { ...served, resign: await members.add() };
  };
  const { cluster, postmaster, started, resign } = await withLock(folder, enter, signal);
  const { port } = postmaster;

  const supervision = supervise({
    postmaster,
    log,
    revive: (ending) => withLock(folder, () => revive(site, cluster, ending), ending),
  });
  const goAway = async () => {
    await supervision.stop();
    await withLock(folder, async () => {
      await resign();
      if ((await members.count()) === 0) await stop(cluster);
    });
  };
  let leaving: Promise<void> | undefined;
  return {
    url: createUrl(cluster.credentials, { role: 'veza_app', port, database: 'veza' }),
    migration_url: createUrl(cluster.credentials, { role: 'veza_migrate', port, database: 'veza' }),
    port,
    started,
    leave: () => (leaving ??= goAway()),
  };
};

const serve = async (
  site: Site,
  members: number,
  signal: AbortSignal | undefined,
): Promise<Served> => {
  const found = await findCluster(site.folder);
  const cluster = found ?? (await createCluster({ ...site, signal }));
  const running = await findReadyPostmaster(cluster.data, signal);
  if (running) {
    await provision(cluster.credentials, running.port);
    return { cluster, postmaster: running, started: members > 0 ? 'joined' : 'adopted' };
  }
  const postmaster = await startPostmaster(cluster, { ...site, keep_port: members > 0, signal });
  try {
    await provision(cluster.credentials, postmaster.port);
  } catch (error) {
    if (members === 0) await stopPostmaster(postmaster);
    throw error;
  }
  return { cluster, postmaster, started: found ? 'started' : 'created' };
};

const revive = async (site: Site, cluster: Cluster, signal: AbortSignal): Promise<Postmaster> =>
  (await findReadyPostmaster(cluster.data, signal)) ??
  startPostmaster(cluster, { ...site, keep_port: true, signal });

const stop = async ({ data }: Cluster): Promise<void> => {
  const postmaster = await findPostmaster(data);
  if (postmaster) await stopPostmaster(postmaster);
};
