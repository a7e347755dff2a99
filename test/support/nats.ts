import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectSocket, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const binary = ['/usr/bin/nats-server', '/usr/sbin/nats-server'].find((path) => existsSync(path));

/** Suites that need a NATS server are left out where there is none, unless nothing may be left out. */
export const isNatsMissing = binary === undefined && !process.env['REQUIRE_ALL_SUITES'];

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connectSocket(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

const launch = async (port: number, store: string): Promise<ChildProcess> => {
  if (!binary) throw new Error('nats-server is not installed');
  const options = ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', store];
  const child = spawn(binary, options, { stdio: 'ignore' });
  process.once('exit', () => child.kill('SIGKILL'));
  while (!(await isListening(port))) {
    if (child.exitCode !== null) throw new Error('nats-server ended');
    await wait(50);
  }
  return child;
};

/** A server with JetStream of its own, on one port for as long as it is used; its store can be lost. */
export const startNats = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'veza-nats-'));
  const store = join(folder, 'store');
  const port = await freePort();
  let child: ChildProcess | undefined = await launch(port, store);
  const stop = async (): Promise<void> => {
    if (!child || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    child = undefined;
  };
  return {
    url: `nats://127.0.0.1:${port}`,
    stop,
    async start(): Promise<void> {
      child = await launch(port, store);
    },
    wipe: () => rm(store, { recursive: true, force: true }),
    async remove(): Promise<void> {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

export type TestNats = Awaited<ReturnType<typeof startNats>>;
