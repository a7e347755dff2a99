import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { libpqUrl } from './connection.ts';

type Settings = {
  url: string;
  /** Of the advisory lock that makes the leader. */
  key: number;
  /** What the leader does until it is told to stop: `signal` aborts when it no longer leads. */
  lead: (signal: AbortSignal) => Promise<void>;
  log: { warn(facts: object, said: string): void };
};

const LOOK_MS = 500;
const ANSWER_MS = 2000;

const connect = async (url: string, lost: () => void): Promise<Client> => {
  const client = new Client({
    connectionString: libpqUrl(url),
    application_name: 'veza-api leadership',
    connectionTimeoutMillis: ANSWER_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
  });
  client.on('error', lost);
  client.on('end', lost);
  await client.connect();
  return client;
};

const isTaken = async (client: Client, key: number): Promise<boolean> => {
  const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) taken', [
    key,
  ]);
  return rows[0]?.taken === true;
};

/** Leads as soon as nobody else does, for as long as the connection that holds the lock answers. */
const campaign = async ({ url, key, lead }: Settings, stop: AbortSignal): Promise<void> => {
  const lost = new AbortController();
  const signal = AbortSignal.any([stop, lost.signal]);
  const client = await connect(url, () => lost.abort());
  try {
    while (!(await isTaken(client, key))) await wait(LOOK_MS, undefined, { signal });
    const leading = lead(signal).finally(() => lost.abort());
    try {
      while (!signal.aborted) {
        await client.query('select 1');
        await wait(LOOK_MS, undefined, { signal });
      }
    } finally {
      lost.abort();
      await leading;
    }
  } finally {
    await client.end().catch(() => undefined);
  }
};

/** Of all processes that share the database one leads at a time. Answers how to resign. */
export const runForLeadership = (settings: Settings): (() => Promise<void>) => {
  const stop = new AbortController();
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await campaign(settings, stop.signal).catch((fault: unknown) => {
        const isEnd = fault instanceof Error && fault.name === 'AbortError';
        if (!isEnd) settings.log.warn({ err: fault }, 'leadership lost');
      });
      await wait(LOOK_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  };
  const running = run();
  return async () => {
    stop.abort();
    await running;
  };
};
