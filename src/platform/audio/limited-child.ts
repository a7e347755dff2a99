import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Readable } from 'node:stream';
import { usageOf } from './usage.ts';

export type ChildLimits = {
  cpu_seconds: number;
  wall_seconds: number;
  rss_bytes: number;
  /** Of each output. */
  output_bytes: number;
};

type Run = {
  /** A file of ours and its arguments. */
  script: string;
  args: readonly string[];
  limits: ChildLimits;
  signal: AbortSignal;
};

export type Breach = 'cpu' | 'wall' | 'memory' | 'output';
export type Ending = {
  /** The limit it was killed for. */
  breach: Breach | undefined;
  exit_code: number | null;
  output: Buffer;
  /** What it wrote to descriptor 3. */
  attachment: Buffer;
  errors: Buffer;
};

const checkEvery_ms = 50;
const prlimit = '/usr/bin/prlimit';

/**
 * Runs a script of ours on hostile input in a process of its own: nothing of our environment, no
 * writing, no children, no worker threads, and killed at its limits. Where there is no /proc only
 * the wall clock and V8's heap limit hold. Fails with the signal's reason, or when it cannot start.
 */
export const runLimited = async ({ script, args, limits, signal }: Run): Promise<Ending> => {
  signal.throwIfAborted();
  const [file, ...flags] = commandFor(limits);
  const child = spawn(file, [...flags, script, ...args], {
    env: {},
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const watchdog = watch(child, limits);
  const abort = () => child.kill('SIGKILL');
  signal.addEventListener('abort', abort, { once: true });
  const read = (descriptor: number) =>
    collect(child.stdio[descriptor], limits.output_bytes, () => watchdog.kill('output'));
  const [output, errors, attachment] = [read(1), read(2), read(3)] as const;
  try {
    await once(child, 'close');
    signal.throwIfAborted();
    return {
      breach: watchdog.breach(),
      exit_code: child.exitCode,
      output: Buffer.concat(output),
      errors: Buffer.concat(errors),
      attachment: Buffer.concat(attachment),
    };
  } finally {
    watchdog.stop();
    signal.removeEventListener('abort', abort);
  }
};

/** The kernel's own limit, a little above ours, also ends a child whose parent has died. */
const commandFor = ({ cpu_seconds, rss_bytes }: ChildLimits): [string, ...string[]] => {
  const heap_mib = Math.floor(rss_bytes / 2 ** 21);
  const node = [
    process.execPath,
    '--permission',
    '--allow-fs-read=*',
    '--disable-warning=ExperimentalWarning',
    `--max-old-space-size=${heap_mib}`,
  ] as const;
  if (!existsSync(prlimit)) return [...node];
  return [prlimit, `--cpu=${Math.ceil(cpu_seconds) + 5}`, '--core=0', '--', ...node];
};

const watch = (child: ChildProcess, limits: ChildLimits) => {
  const started_ms = performance.now();
  let breach: Breach | undefined;
  const kill = (reason: Breach) => {
    breach ??= reason;
    child.kill('SIGKILL');
  };
  const check = () => {
    const exceeded = exceededBy(child, performance.now() - started_ms, limits);
    if (exceeded) kill(exceeded);
  };
  const timer = setInterval(check, checkEvery_ms);
  return { kill, breach: () => breach, stop: () => clearInterval(timer) };
};

const exceededBy = (
  { pid, exitCode, signalCode }: ChildProcess,
  age_ms: number,
  limits: ChildLimits,
): Breach | undefined => {
  if (pid === undefined || exitCode !== null || signalCode !== null) return undefined;
  if (age_ms > limits.wall_seconds * 1000) return 'wall';
  const usage = usageOf(pid);
  if (!usage) return undefined;
  if (usage.cpu_seconds > limits.cpu_seconds) return 'cpu';
  return usage.rss_bytes > limits.rss_bytes ? 'memory' : undefined;
};

/** What the stream has sent so far; more than `max_bytes` is not kept and told once. */
const collect = (stream: unknown, max_bytes: number, tooMuch: () => void): Buffer[] => {
  const chunks: Buffer[] = [];
  let size = 0;
  if (stream instanceof Readable) {
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > max_bytes) tooMuch();
      else chunks.push(chunk);
    });
  }
  return chunks;
};
