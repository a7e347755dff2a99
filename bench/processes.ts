import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

export type Server = {
  url: string;
  /** Where its gRPC is, when it says so. */
  grpc: string | undefined;
  pid: number;
  stop: () => Promise<void>;
};

type Program = {
  script: string;
  env: Record<string, string>;
  flags: readonly string[];
  probe: string;
};

const LONGEST_START_MS = 30_000;

type Ports = { http: string; grpc: string | undefined };

const portsIn = (child: ChildProcess): Promise<Ports> =>
  new Promise((resolve, reject) => {
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      if (said.length > 10_000) return;
      said += String(chunk);
      const [, http, grpc] =
        /listens on http:\/\/localhost:(\d+)(?:.* gRPC localhost:(\d+))?/.exec(said) ?? [];
      if (http) resolve({ http, grpc });
    });
    child.once('exit', () => reject(new Error(`The server said: ${said}`)));
  });

const untilReady = async (address: string): Promise<void> => {
  for (const end = performance.now() + LONGEST_START_MS; performance.now() < end; await wait(50)) {
    const answer = await fetch(address).catch(() => undefined);
    if (answer?.ok) return;
  }
  throw new Error(`Nobody answers at ${address}`);
};

/** Starts one program as a process of its own and waits until it answers. */
export const startServer = async ({ script, env, flags, probe }: Program): Promise<Server> => {
  const child = spawn(process.execPath, [...flags, script], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ports = await portsIn(child);
  const url = `http://127.0.0.1:${ports.http}`;
  const grpc = ports.grpc && `localhost:${ports.grpc}`;
  await untilReady(`${url}${probe}`);
  const stop = async () => {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  };
  return { url, grpc, pid: child.pid ?? 0, stop };
};

const TICKS_PER_SECOND = 100;

/** Seconds of CPU that a process has used, itself and in the kernel (proc(5), fields 14 and 15). */
export const cpuSeconds = async (pid: number): Promise<number> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
};

/** Most memory that a process has had resident, in bytes. */
export const peakResidentBytes = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
};
