type Settings = {
  /** Resolves when the server answers again. */
  probe: () => Promise<void>;
  log: { warn(facts: object, said: string): void; info(said: string): void };
};

type Waiter = { asked_at: number; giveUp: () => void };

/** The longest that an answer is waited for, and how often the time is looked at. */
const LONGEST_WAIT_MS = 200;
const LOOK_MS = 50;

const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
/** A server that was up for so long is trusted as if it had never been away. */
const TRUSTED_AFTER_MS = 10_000;

/** Those who wait for an answer, oldest first; `late` is told when the oldest has waited too long. */
const createWaiting = (late: () => void) => {
  const waiters = new Set<Waiter>();
  let timer: NodeJS.Timeout | undefined;

  const isLate = (): boolean => {
    const [oldest] = waiters;
    return oldest !== undefined && performance.now() - oldest.asked_at > LONGEST_WAIT_MS;
  };
  const look = (): void => {
    timer = undefined;
    if (waiters.size === 0) return;
    timer = setTimeout(look, LOOK_MS);
    // After a pause of this process the answers that have arrived are read first: nobody else was slow.
    if (isLate()) setImmediate(() => isLate() && late());
  };
  return {
    /** Undefined when the answer did not come before all were given up; `failed` is told of a fault before that. */
    wait<T>(ask: () => Promise<T>, failed: (fault: unknown) => void): Promise<T | undefined> {
      return new Promise((resolve) => {
        const waiter = { asked_at: performance.now(), giveUp: () => resolve(undefined) };
        waiters.add(waiter);
        timer ??= setTimeout(look, LOOK_MS);
        const settle = (answer: T | undefined): boolean => {
          resolve(answer);
          return waiters.delete(waiter);
        };
        ask().then(settle, (fault: unknown) => settle(undefined) && failed(fault));
      });
    },
    giveUp(): void {
      clearTimeout(timer);
      timer = undefined;
      for (const { giveUp } of waiters) giveUp();
      waiters.clear();
    },
  };
};

/** Tells of an outage once, and of its end, however often it flickers. */
const createTold = ({ log }: Settings) => {
  let told_at = Number.NEGATIVE_INFINITY;
  let isTold = false;
  return {
    away(fault: unknown): void {
      if (isTold || performance.now() - told_at < TRUSTED_AFTER_MS) return;
      told_at = performance.now();
      isTold = true;
      log.warn({ err: fault }, 'Redis is away');
    },
    back(): void {
      if (isTold) log.info('Redis answers again');
      isTold = false;
    },
  };
};

/** How long a server is left alone that has failed; longer when it does so again and again. */
const createPauses = () => {
  let up_at = 0;
  let pause_ms = SHORTEST_PAUSE_MS;
  return {
    up: () => void (up_at = performance.now()),
    next(): number {
      const wasShort = performance.now() - up_at < TRUSTED_AFTER_MS;
      pause_ms = wasShort ? Math.min(pause_ms * 2, LONGEST_PAUSE_MS) : SHORTEST_PAUSE_MS;
      return pause_ms;
    },
  };
};

type Probing = { isWanted: () => boolean; succeeded: () => void };

/** One probe at a time, but for new connections: what was sent to one that is lost may never be answered. */
const createProbing = (probe: () => Promise<void>, { isWanted, succeeded }: Probing) => {
  let last: Promise<void> | undefined;
  const later = (ms: number): void =>
    void setTimeout(() => {
      if (!last) now();
    }, ms).unref();
  const now = (): void => {
    if (!isWanted()) return;
    const sent = probe();
    last = sent;
    const settle = (next: () => void) => () => {
      if (last !== sent) return;
      last = undefined;
      if (isWanted()) next();
    };
    void sent.then(
      settle(succeeded),
      settle(() => later(LONGEST_PAUSE_MS)),
    );
  };
  return { now, later };
};

/**
 * Lets calls through to a server while it answers. At the first that fails or is late all who wait are given up,
 * and nobody is let through until a probe was answered.
 */
export const createBreaker = (settings: Settings) => {
  const { probe } = settings;
  const listeners: (() => void)[] = [];
  const told = createTold(settings);
  let state: 'up' | 'away' | 'closed' = 'away';
  const pauses = createPauses();
  const probing = createProbing(probe, {
    isWanted: () => state === 'away',
    succeeded: () => {
      state = 'up';
      pauses.up();
      told.back();
      for (const hear of listeners) hear();
    },
  });

  const trip = (fault: unknown): void => {
    if (state === 'closed') return;
    told.away(fault);
    if (state !== 'up') return;
    state = 'away';
    probing.later(pauses.next());
    waiting.giveUp();
  };
  const waiting = createWaiting(() => trip(new Error('No answer in time')));

  return {
    isUp: () => state === 'up',
    /** There is a connection, and it is a new one. */
    connected: () => probing.now(),
    trip,
    onUp: (hear: () => void) => void listeners.push(hear),
    /** Undefined when there was no answer, or nobody was asked. */
    guard: async <T>(ask: () => Promise<T>): Promise<T | undefined> =>
      state === 'up' ? waiting.wait(ask, trip) : undefined,
    close(): void {
      state = 'closed';
      waiting.giveUp();
    },
  };
};
