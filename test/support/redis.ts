import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { until } from './until.ts';

const isInstalled = (): boolean => {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** Suites that need a Redis are left out where there is none, unless all are asked for. */
export const lacksRedis = !isInstalled() && process.env['REQUIRE_ALL_SUITES'] === undefined;

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const settle = (isThere: boolean): void => {
      resolve(isThere);
      socket.destroy();
    };
    socket.once('data', (answer) => settle(answer.toString().startsWith('+PONG')));
    socket.once('error', () => settle(false));
  });

const launch = async (port: number, folder: string) => {
  const child = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
    { stdio: 'ignore' },
  );
  const exited = once(child, 'exit');
  process.once('exit', () => child.kill('SIGKILL'));
  for (let tries = 0; !(await answers(port)); tries += 1) {
    if (tries > 400) throw new Error('The Redis did not start');
    await wait(25);
  }
  return { child, exited };
};

export type ThrowawayRedis = Awaited<ReturnType<typeof startRedis>>;

/** A Redis of its own, which keeps nothing, to be killed, paused and started again on its port. */
export const startRedis = async (port?: number) => {
  const folder = await mkdtemp(join(tmpdir(), 'veza-redis-'));
  const at = port ?? (await freePort());
  let running = await launch(at, folder);
  const end = async (): Promise<void> => {
    running.child.kill('SIGKILL');
    await running.exited;
  };
  return {
    url: `redis://127.0.0.1:${at}`,
    port: at,
    pause: () => void running.child.kill('SIGSTOP'),
    resume: () => void running.child.kill('SIGCONT'),
    kill: end,
    async start(): Promise<void> {
      running = await launch(at, folder);
    },
    /** Runs one command and answers what it printed. */
    command: (...words: string[]): string =>
      execFileSync('redis-cli', ['-h', '127.0.0.1', '-p', String(at), ...words], {
        encoding: 'utf8',
      }).trim(),
    async stop(): Promise<void> {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** Waits until a process is connected. */
export const untilUp = (redis: { isUp(): boolean } | undefined): Promise<void> =>
  until(() => redis?.isUp() === true);
