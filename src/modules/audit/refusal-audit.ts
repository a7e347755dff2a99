import type { AuditEvent, AuditTrail, RefusalAudit } from './audit.events.ts';

const MOST_WAITING = 1000;
const LOOK_MS = 1000;

type Deps = {
  inTransaction: <T>(work: (stores: { audit: AuditTrail }) => Promise<T>) => Promise<T>;
  log: { warn(facts: object, said: string): void };
  now: () => Date;
};

type Counted = { event: AuditEvent; times: number };

/** Who is refused: a user, or an address. */
const actorOf = ({ user_id, origin }: Pick<AuditEvent, 'user_id' | 'origin'>): string =>
  user_id === null ? origin.ip_address : `user:${user_id}`;

const minuteOf = (time: Date): string => time.toISOString().slice(0, 16);

/** A refusal told of twice is one record with a count. */
const merge = (counted: Map<string, Counted>, key: string, event: AuditEvent): void => {
  const before = counted.get(key);
  if (before) before.times += 1;
  else counted.set(key, { event, times: 1 });
};

/**
 * Refusals are written in the background, one record per actor, type and minute; a flood of them costs one
 * entry in memory each and, past a bound, only a count. What is waiting is written at `close`.
 */
export const createRefusalAudit = ({
  inTransaction,
  log,
  now,
}: Deps): RefusalAudit & { close(): Promise<void> } => {
  const waiting = new Map<string, Counted>();
  let minute = minuteOf(now());
  let lost = 0;
  let writing = Promise.resolve();

  const write = async (entries: Counted[]): Promise<void> => {
    try {
      await inTransaction(async ({ audit }) => {
        for (const { event, times } of entries)
          await audit.record({ ...event, details: { ...event.details, times } });
      });
    } catch (fault) {
      log.warn({ err: fault, lost: entries.length }, 'refusals not recorded');
    }
  };

  const flush = (): void => {
    if (lost > 0) log.warn({ lost }, 'refusals not recorded');
    lost = 0;
    const entries = [...waiting.values()];
    waiting.clear();
    if (entries.length > 0) writing = writing.then(() => write(entries));
  };

  const turnMinute = (): void => {
    const current = minuteOf(now());
    if (current !== minute) flush();
    minute = current;
  };
  const timer = setInterval(turnMinute, LOOK_MS);
  timer.unref();

  return {
    note(refusal) {
      turnMinute();
      const key = `${refusal.event_type}|${actorOf(refusal)}`;
      if (waiting.size >= MOST_WAITING && !waiting.has(key)) lost += 1;
      else merge(waiting, key, { ...refusal, success: false });
    },
    async close() {
      clearInterval(timer);
      flush();
      await writing;
    },
  };
};
