import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** As `npm start` runs it. */
const flags = ['--max-semi-space-size=8', '--max-old-space-size=200'];
const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export type Service = Awaited<ReturnType<typeof startService>>;

/** The service as a process of its own, listening where it likes; `folder` holds all it keeps. */
export const startService = async (folder: string, environment: Record<string, string> = {}) => {
  const child = spawn(process.execPath, [...flags, main], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      ENVIRONMENT: 'test',
      HOST: '127.0.0.1',
      PORT: '0',
      GRPC_PORT: '0',
      DATA_DIR: folder,
      RATE_LIMIT_FACTOR: '100000',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  const { pid } = child;
  if (pid === undefined) throw new Error('The service could not be started');
  const log: string[] = [];
  const exited = once(child, 'exit').then(([code, signal]): Exit => ({ code, signal }));
  const url = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream).on('line', (line) => {
      log.push(line);
      const found = /listens on (http:\/\/localhost:\d+)/.exec(line)?.[1];
      if (found) url.resolve(found.replace('localhost', '127.0.0.1'));
    });
  void exited.then(() => url.reject(new Error(`The service ended:\n${log.join('\n')}`)));
  return {
    url: await url.promise,
    pid,
    log,
    exited,
    /** Nobody reads the log any more. */
    leaveLog(): void {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    signal: (name: NodeJS.Signals) => void child.kill(name),
    async stop(): Promise<Exit> {
      child.kill('SIGTERM');
      return exited;
    },
  };
};

type Exit = { code: number | null; signal: NodeJS.Signals | null };

/** The most memory a process has been resident with since it started, in MiB. */
export const peakMemory_mib = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;

let accounts = 0;

/** A new account of a started service, and calls in its name. */
export const signUp = async (url: string) => {
  accounts += 1;
  const username = `u${process.pid}x${accounts}x${Math.round(performance.now())}`;
  const answer = await fetch(`${url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      username,
      email: `${username}@example.com`,
      password: 'quiet-harbour!42',
    }),
  });
  const { data } = (await answer.json()) as {
    data: { access_token: string; user: { id: number } };
  };
  return { id: data.user.id, token: data.access_token };
};

/** A form with one file, as a whole. */
export const fileForm = (content: Buffer, filename = 'a.wav') => {
  const body = new FormData();
  body.set('file', new Blob([new Uint8Array(content)]), filename);
  return body;
};
