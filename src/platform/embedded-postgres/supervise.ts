import { setTimeout as wait } from 'node:timers/promises';
import type { Log } from './launch.ts';
import { isRunning, type Postmaster } from './postmaster.ts';

const WATCH_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
/** A server that lived this long is not one that fails at every start. */
const STEADY_MS = 30_000;

type Supervision = {
  postmaster: Postmaster;
  /** Starts the server again, or finds the one that another member started. */
  revive: (signal: AbortSignal) => Promise<Postmaster>;
  log: Log;
};

/** Watches a server and has it revived, more and more slowly while that does not help. */
export const supervise = ({ postmaster, revive, log }: Supervision) => {
  const ending = new AbortController();
  const { signal } = ending;
  const pause = (duration_ms: number) =>
    wait(duration_ms, undefined, { signal, ref: false }).catch(() => {});

  const untilGone = async (server: Postmaster) => {
    while (!signal.aborted && (await isRunning(server))) await pause(WATCH_MS);
  };

  const tryToRevive = async (gone: Postmaster): Promise<Postmaster> => {
    try {
      const revived = await revive(signal);
      log.warn(
        { pid: revived.pid, port: revived.port },
        'embedded PostgreSQL had ended; it runs again',
      );
      return revived;
    } catch (err) {
      if (!signal.aborted) log.warn({ err }, 'embedded PostgreSQL has ended and does not start');
      return gone;
    }
  };

  const watch = async () => {
    let server = postmaster;
    let failures = 0;
    while (!signal.aborted) {
      const since = performance.now();
      await untilGone(server);
      failures = performance.now() - since > STEADY_MS ? 0 : failures + 1;
      await pause(Math.min(LONGEST_PAUSE_MS, 50 * 2 ** failures));
      if (!signal.aborted) server = await tryToRevive(server);
    }
  };
  const watching = watch();

  return {
    /** Resolves when nothing will be started any more. */
    stop: async (): Promise<void> => {
      ending.abort();
      await watching;
    },
  };
};
