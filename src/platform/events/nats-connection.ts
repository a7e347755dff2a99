import { setTimeout as wait } from 'node:timers/promises';
import { connect, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node';

type Log = { info(said: string): void; warn(facts: object, said: string): void };
type Settings = { url: string; log: Log };

/** A connection that is looked for as long as it is open; nobody waits for it. */
export interface NatsLink {
  /** Undefined while the server cannot be reached. */
  current(): NatsConnection | undefined;
  /** Calls `hook` whenever the server is reached, and at once when it is. */
  onUp(hook: (connection: NatsConnection) => void): void;
  onDown(hook: () => void): void;
  close(): Promise<void>;
}

const CONNECT_MS = 2000;
const AGAIN_MS = 500;

const optionsOf = (url: string): NodeConnectionOptions => {
  const { protocol, host, username, password } = new URL(url);
  const [user, pass] = [decodeURIComponent(username), decodeURIComponent(password)];
  return {
    servers: host,
    name: 'veza-api',
    ...(user && (pass ? { user, pass } : { token: user })),
    ...(protocol === 'tls:' && { tls: {} }),
    timeout: CONNECT_MS,
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: AGAIN_MS,
    ignoreAuthErrorAbort: true,
    pingInterval: 5000,
    maxPingOut: 2,
  };
};

/** What follows the connection, and whether it is there. */
const createState = () => {
  const ups: ((connection: NatsConnection) => void)[] = [];
  const downs: (() => void)[] = [];
  let current: NatsConnection | undefined;
  return {
    ups,
    downs,
    current: () => current,
    up(connection: NatsConnection): void {
      current = connection;
      for (const hook of ups) hook(connection);
    },
    down(): void {
      if (!current) return;
      current = undefined;
      for (const hook of downs) hook();
    },
  };
};
type State = ReturnType<typeof createState>;

/** Until the connection is closed for good. */
const follow = async (connection: NatsConnection, state: State, log: Log): Promise<void> => {
  state.up(connection);
  for await (const { type } of connection.status()) {
    if (type === 'disconnect') {
      log.warn({}, 'NATS cannot be reached');
      state.down();
    }
    if (type === 'reconnect') {
      log.info('NATS is reached again');
      state.up(connection);
    }
  }
  state.down();
};

const DRAIN_MS = 2000;

/** What was sent arrives, if the server is there; also ends a search for it. */
const leave = async (connection: NatsConnection): Promise<void> => {
  const draining = connection.drain().catch(() => undefined);
  await Promise.race([draining, wait(DRAIN_MS)]);
  await connection.close();
};

const keepConnected = async (
  { url, log }: Settings,
  state: State,
  signal: AbortSignal,
): Promise<void> => {
  let isTold = false;
  while (!signal.aborted) {
    try {
      const connection = await connect(optionsOf(url));
      log.info('NATS is reached');
      signal.addEventListener('abort', () => void leave(connection), { once: true });
      if (signal.aborted) return await leave(connection);
      await follow(connection, state, log);
    } catch (fault) {
      if (!isTold) log.warn({ err: fault }, 'NATS cannot be reached');
      isTold = true;
    }
    await wait(AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
};

export const createNatsLink = (settings: Settings): NatsLink => {
  const state = createState();
  const stop = new AbortController();
  const running = keepConnected(settings, state, stop.signal);
  return {
    current: state.current,
    onUp(hook) {
      state.ups.push(hook);
      const connection = state.current();
      if (connection) hook(connection);
    },
    onDown: (hook) => void state.downs.push(hook),
    async close() {
      stop.abort();
      await running;
    },
  };
};
