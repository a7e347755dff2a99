import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { libpqUrl } from './connection.ts';

/** Messages between the processes that share a database (LISTEN and NOTIFY). */
export interface Notifications {
  /** Whether everything committed until a second ago has been heard. */
  isAlive(): boolean;
  /** Calls `hear` with each payload on the channel. Notify with `select pg_notify(channel, payload)`. */
  on(channel: string, hear: (payload: string) => void): void;
  /** Calls `recover` whenever messages may have been missed: forget what they would have corrected. */
  onGap(recover: () => void): void;
  close(): Promise<void>;
}

const HEARTBEAT_MS = 400;
const STALE_MS = 1000;
const MOST_BACKOFF_MS = 2000;

type Settings = {
  url: string;
  channels: readonly string[];
  log: { warn(facts: object, said: string): void };
};

/** Those who hear, and whether what they heard is complete. */
const createHearing = () => {
  const listeners = new Map<string, ((payload: string) => void)[]>();
  const recoveries: (() => void)[] = [];
  return {
    heard_at: Number.NEGATIVE_INFINITY,
    listeners,
    recoveries,
    hear({ channel, payload = '' }: { channel: string; payload?: string | undefined }): void {
      for (const listener of listeners.get(channel) ?? []) listener(payload);
    },
  };
};
type Hearing = ReturnType<typeof createHearing>;

const open = async ({ url, channels }: Settings, hearing: Hearing): Promise<Client> => {
  const client = new Client({
    connectionString: libpqUrl(url),
    application_name: 'veza-api notifications',
    connectionTimeoutMillis: 2000,
    query_timeout: STALE_MS,
    keepAlive: true,
  });
  client.on('error', () => undefined);
  client.on('notification', (notification) => hearing.hear(notification));
  await client.connect();
  for (const channel of channels) await client.query(`listen ${client.escapeIdentifier(channel)}`);
  for (const recover of hearing.recoveries) recover();
  return client;
};

/** A round trip on the listening connection delivers whatever was notified before it. */
const beat = async (client: Client, hearing: Hearing, signal: AbortSignal): Promise<void> => {
  for (;;) {
    const asked = performance.now();
    await client.query('select 1');
    hearing.heard_at = asked;
    await wait(HEARTBEAT_MS, undefined, { signal });
  }
};

const listen = async (settings: Settings, hearing: Hearing, signal: AbortSignal): Promise<void> => {
  let isTold = false;
  for (let backoff = 50; !signal.aborted; backoff = Math.min(backoff * 2, MOST_BACKOFF_MS)) {
    let client: Client | undefined;
    try {
      client = await open(settings, hearing);
      backoff = 50;
      isTold = false;
      await beat(client, hearing, signal);
    } catch (fault) {
      if (!signal.aborted && !isTold)
        settings.log.warn({ err: fault }, 'notifications of the database are lost');
      isTold = true;
    } finally {
      hearing.heard_at = Number.NEGATIVE_INFINITY;
      await client?.end().catch(() => undefined);
    }
    await wait(backoff, undefined, { signal }).catch(() => undefined);
  }
};

/** Listens on a connection of its own and, when that is lost, on another, for as long as it is open. */
export const createNotifications = (settings: Settings): Notifications => {
  const hearing = createHearing();
  const stop = new AbortController();
  const listening = listen(settings, hearing, stop.signal);
  return {
    isAlive: () => performance.now() - hearing.heard_at < STALE_MS,
    on(channel, hear) {
      hearing.listeners.set(channel, [...(hearing.listeners.get(channel) ?? []), hear]);
    },
    onGap(recover) {
      hearing.recoveries.push(recover);
    },
    async close() {
      stop.abort();
      await listening;
    },
  };
};
