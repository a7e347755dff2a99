import { Pool, type PoolClient, type QueryResult } from 'pg';
import { DomainError } from '#kernel/errors.ts';
import { remainingMs, unlessGivenUp } from '#kernel/deadline.ts';
import { libpqUrl } from './connection.ts';
import { databaseUnavailable, isConnectionLost } from './failures.ts';

type PoolSettings = {
  url: string;
  max: number;
  min: number;
  /** The most that one statement, or the wait for a connection, may take. */
  timeout_ms: number;
  /** Told of each statement that ended; `name` is the prepared statement's, or its first word. */
  observe?: (query: QueryEnded) => void;
  /** Told of connections that failed while nobody used them. */
  onLost?: (fault: Error) => void;
};

export type QueryEnded = { name: string; text: string; duration_ms: number; failed: boolean };

type QueryConfig = { text: string; name?: string };
type Query = (config: QueryConfig, values?: unknown[]) => Promise<QueryResult>;

const nameOf = ({ name, text }: QueryConfig): string =>
  name ?? (/^\w*/.exec(text)?.[0] ?? '').toLowerCase();

/** Deadlines in steps of 50 ms: timers of one length share a list, timers of any length do not. */
const inSteps = (ms: number): number => Math.ceil(ms / 50) * 50;

const expired = () => databaseUnavailable(new Error('The deadline of the request has passed'));

/** Every statement of a connection gets what is left of its request's deadline, and is observed. */
const instrument = (client: PoolClient, { timeout_ms, observe }: PoolSettings): void => {
  const run = client.query.bind(client) as Query;
  const query: Query = async (given, values) => {
    const config = typeof given === 'string' ? { text: given } : given;
    const left = remainingMs(timeout_ms);
    if (left <= 0) throw expired();
    const began = performance.now();
    let failed = true;
    try {
      const running = run({ ...config, query_timeout: inSteps(left) } as QueryConfig, values);
      const result = await unlessGivenUp(running);
      failed = false;
      return result;
    } catch (fault) {
      throw isConnectionLost(fault) ? databaseUnavailable(fault) : fault;
    } finally {
      const duration_ms = performance.now() - began;
      observe?.({ name: nameOf(config), text: config.text, duration_ms, failed });
    }
  };
  Object.assign(client, { query });
};

/** A connection that arrives after its request gave up goes back to the pool. */
const giveBackLate = (connecting: Promise<PoolClient>): void => {
  connecting.then(
    (client) => client.release(),
    () => undefined,
  );
};

const within = async (connecting: Promise<PoolClient>, ms: number): Promise<PoolClient> => {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(expired()), inSteps(ms));
  try {
    return await unlessGivenUp(Promise.race([connecting, late.promise]));
  } catch (fault) {
    giveBackLate(connecting);
    throw fault;
  } finally {
    clearTimeout(timer);
  }
};

/** A pool whose waits, for a connection and for answers, keep the deadline of the request that waits. */
class DeadlinePool extends Pool {
  readonly #settings: PoolSettings;

  constructor(settings: PoolSettings) {
    const { url, max, min, timeout_ms } = settings;
    super({
      connectionString: libpqUrl(url),
      application_name: 'veza-api',
      max,
      min,
      keepAlive: true,
      options: '-c timezone=UTC',
      connectionTimeoutMillis: timeout_ms,
      idleTimeoutMillis: 30 * 60_000,
      maxLifetimeSeconds: 3600,
      statement_timeout: timeout_ms + 500,
      lock_timeout: timeout_ms,
      idle_in_transaction_session_timeout: 10_000,
    });
    this.#settings = settings;
    this.on('error', (fault) => settings.onLost?.(fault));
    this.on('connect', (client) => {
      client.on('error', () => undefined);
      instrument(client, settings);
    });
  }

  override connect(): Promise<PoolClient>;
  override connect(callback: never): void;
  override async connect(): Promise<PoolClient> {
    const left = remainingMs(this.#settings.timeout_ms);
    if (left <= 0) throw expired();
    try {
      const connecting = super.connect();
      return await (this.idleCount > 0 ? connecting : within(connecting, left));
    } catch (fault) {
      throw isConnectionLost(fault) ? databaseUnavailable(fault) : fault;
    }
  }

  /** Unlike the parent's, keeps the connection when only the statement was at fault. */
  override query = (async (config: QueryConfig, values?: unknown[]): Promise<QueryResult> => {
    const client = await this.connect();
    let broken = true;
    try {
      const result = await client.query(config, values);
      broken = false;
      return result;
    } catch (fault) {
      broken = isUnusable(fault);
      throw fault;
    } finally {
      client.release(broken);
    }
  }) as Pool['query'];
}

/** A statement that was given up may still be running: its connection cannot be used again. */
export const isUnusable = (fault: unknown): boolean =>
  fault instanceof DomainError ? fault.kind === 'unavailable' : isConnectionLost(fault);

export type DatabasePool = Pool;

export const createPool = (settings: PoolSettings): DatabasePool => new DeadlinePool(settings);
