import { Redis as Client } from 'ioredis';
import { createBreaker } from './breaker.ts';

/** What a script answers: bytes, whole numbers, lists of them, and null for nothing. */
export type Reply = Buffer | number | null | Reply[];

export type Script = {
  lua: string;
  keys: readonly string[];
  args: readonly (string | number | Buffer)[];
};

/** A server that may go away at any moment, which costs nobody more than a moment. */
export interface Redis {
  /** Whether it answers. While it does not, nobody waits for it. */
  isUp(): boolean;
  /** Another one after a restart: what a server reads back from its disk may be older than what was known. */
  run_id(): string;
  /**
   * Runs a script, in the order of the calls; undefined when there was no answer. It is sent as it is: one that is
   * named by its digest comes late, after what was asked later, when the server has forgotten it.
   */
  run(script: Script): Promise<Reply | undefined>;
  /** Calls `hear` whenever it answers again, before anybody else may ask. */
  onUp(hear: () => void): void;
  close(): Promise<void>;
}

type Settings = {
  url: string;
  log: { warn(facts: object, said: string): void; info(said: string): void };
};

const CONNECT_MS = 500;
const MOST_BACKOFF_MS = 1000;
/** A socket on which an answer is this late leads nowhere. */
const DEAD_SOCKET_MS = 3000;

const connect = (url: string): Client =>
  new Client(url, {
    connectionName: 'veza-api',
    connectTimeout: CONNECT_MS,
    socketTimeout: DEAD_SOCKET_MS,
    enableOfflineQueue: false,
    // Whoever asked has been answered otherwise: asking once more would come out of turn.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 1,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), MOST_BACKOFF_MS),
    // A replica that was our server until a moment ago.
    reconnectOnError: (fault) => fault.message.startsWith('READONLY'),
  });

const runIdIn = (info: string): string => /^run_id:(\w+)/m.exec(info)?.[1] ?? 'unknown';

/** Connects in the background, and again for as long as it is open. */
export const createRedis = ({ url, log }: Settings): Redis => {
  const client = connect(url);
  let run_id = 'unknown';
  const breaker = createBreaker({
    log,
    probe: async () => {
      if (client.status !== 'ready') throw new Error('There is no connection');
      run_id = runIdIn(await client.info('server'));
    },
  });
  client.on('ready', () => breaker.connected());
  client.on('close', () => breaker.trip(new Error('The connection is lost')));
  client.on('error', (fault) => breaker.trip(fault));
  return {
    isUp: () => breaker.isUp(),
    run_id: () => run_id,
    run: ({ lua, keys, args }) =>
      breaker.guard(
        () => client.callBuffer('EVAL', lua, keys.length, ...keys, ...args) as Promise<Reply>,
      ),
    onUp: (hear) => breaker.onUp(hear),
    async close() {
      breaker.close();
      client.disconnect();
    },
  };
};
