type Log = { warn(facts: object, said: string): void };

type Settings = {
  name: string;
  log: Log;
  /** Does what there is to do, and answers in how many milliseconds to look again unasked. */
  turn: () => Promise<number>;
};

const AFTER_FAULT_MS = 1000;

/** Work that is done turn by turn, never two at a time. */
export type Loop = {
  start(): void;
  /** Has the next turn begin at once. */
  wake: () => void;
  /** Resolves when the turn that is under way has ended. */
  stop(): Promise<void>;
};

/** A sleep that can be cut short, also just before it begins. */
const createSleep = () => {
  let woken = false;
  let rise: (() => void) | undefined;
  return {
    wake(): void {
      woken = true;
      rise?.();
    },
    async of(ms: number): Promise<void> {
      if (!woken && ms > 0) {
        const { promise, resolve } = Promise.withResolvers<void>();
        rise = resolve;
        const timer = setTimeout(resolve, ms);
        await promise;
        clearTimeout(timer);
        rise = undefined;
      }
      woken = false;
    },
  };
};

/** Faults end a turn and not the loop; of several in a row the first is told. */
export const createLoop = ({ name, log, turn }: Settings): Loop => {
  const sleep = createSleep();
  const stopping = new AbortController();
  const { signal } = stopping;
  let running: Promise<void> | undefined;
  let isFailing = false;

  const attempt = async (): Promise<number> => {
    try {
      const pause_ms = await turn();
      isFailing = false;
      return pause_ms;
    } catch (fault) {
      if (!isFailing) log.warn({ err: fault, loop: name }, 'work in the background failed');
      isFailing = true;
      return AFTER_FAULT_MS;
    }
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const pause_ms = await attempt();
      if (!signal.aborted) await sleep.of(pause_ms);
    }
  };

  return {
    start(): void {
      running ??= run();
    },
    wake: () => sleep.wake(),
    async stop(): Promise<void> {
      stopping.abort();
      sleep.wake();
      await running;
    },
  };
};
