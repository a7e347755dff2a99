import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const readOrNothing = (path: string) => readFile(path, 'utf8').catch(() => '');

const ps = async (column: string, pid: number): Promise<string> => {
  const args = ['-ww', '-o', `${column}=`, '-p', String(pid)];
  const listing = promisify(execFile)('ps', args, { timeout: 2_000 });
  return (await listing.catch(() => ({ stdout: '' }))).stdout.trim();
};

/** proc_pid_stat(5): the command may hold spaces and brackets, so fields count from its last bracket. */
const startFromProc = async (pid: number): Promise<string> => {
  const stat = await readOrNothing(`/proc/${pid}/stat`);
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields[18];
  if (ticks === undefined || state === 'Z' || state === 'X') return '';
  const boot = await readOrNothing('/proc/sys/kernel/random/boot_id');
  return `${ticks}.${boot.slice(0, 8)}`;
};

const startFromPs = async (pid: number): Promise<string> => {
  const [state = '', ...started] = (await ps('state=,lstart', pid)).split(/\s+/u);
  return state.startsWith('Z') ? '' : started.join('.');
};

/** Names one process for ever, as its pid alone does not; undefined once it has ended, reaped or not. */
export const identify = async (pid: number): Promise<string | undefined> => {
  const start = await (process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid));
  return start === '' ? undefined : `${pid}-${start}`;
};

/** The words of the running command, joined by spaces; empty when there is no such process. */
export const commandOf = async (pid: number): Promise<string> => {
  if (process.platform !== 'linux') return ps('command', pid);
  return (await readOrNothing(`/proc/${pid}/cmdline`)).replaceAll('\0', ' ');
};

/** A file name that tells which process chose it, another one at each call. */
export const createSignature = async (): Promise<string> => {
  const identity = await identify(process.pid);
  if (identity === undefined) throw new Error('Neither /proc nor ps tells when a process started');
  return `${identity}-${randomBytes(4).toString('hex')}`;
};

export const isSignerAlive = async (signature: string): Promise<boolean> => {
  const identity = signature.slice(0, signature.lastIndexOf('-'));
  const pid = Number.parseInt(identity, 10);
  return pid > 0 && (await identify(pid)) === identity;
};
