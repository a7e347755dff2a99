import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { type Message, readStream } from './nats-reader.ts';

/** One statement on a connection of its own. */
export const ask = async <T extends object>(url: string, statement: string): Promise<T[]> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(statement)).rows;
  } finally {
    await client.end();
  }
};

/** Waits until everything that was stated has been relayed and handled; answers how long it took. */
export const untilSettled = async (url: string, longest_ms = 120_000): Promise<number> => {
  const began = performance.now();
  for (;;) {
    const [row] = await ask<{ waiting: number }>(
      url,
      `select (select count(*) from outbox where relayed_at is null and fault is null)::int
            + (select count(*) from inbox where state = 'pending')::int
            + (select count(*) from outbox o where name in ('track.played', 'user.registered', 'user.logged_in')
                 and not exists (select 1 from inbox i where i.event_id = o.event_id))::int as waiting`,
    );
    const waited_ms = performance.now() - began;
    if (row?.waiting === 0) return waited_ms;
    if (waited_ms > longest_ms) throw new Error(`${row?.waiting} events still wait`);
    await wait(100);
  }
};

type Effects = { measure: string; facts: number; effects: number };

/** What was stated, and what the analytics of the service made of it. */
export const effectsOf = (url: string): Promise<Effects[]> =>
  ask<Effects>(
    url,
    `with facts as (
       select case name when 'track.played' then 'plays' when 'user.registered' then 'registrations'
                        else 'logins' end as measure, count(*)::int as facts
       from outbox where name in ('track.played', 'user.registered', 'user.logged_in') group by 1),
     effects as (select measure, sum(total)::int as effects from daily_measures group by 1)
     select measure, facts, coalesce(effects, 0) as effects from facts left join effects using (measure)
     order by measure`,
  );

/** Changes that have no fact, and facts without their change. */
export const halvesOf = async (url: string): Promise<number> => {
  const [row] = await ask<{ halves: number }>(
    url,
    `select abs((select count(*) from track_plays) - (select count(*) from outbox where name = 'track.played'))::int
          + abs((select count(*) from users) - (select count(*) from outbox where name = 'user.registered'))::int as halves`,
  );
  return row?.halves ?? Number.NaN;
};

type Row = { event_id: string; aggregate: string };

/** The stream against the outbox: what is missing, what came twice, and aggregates that are out of order. */
export const compareStream = async (database_url: string, nats_url: string) => {
  const rows = await ask<Row>(
    database_url,
    `select event_id, aggregate_type || ':' || aggregate_id as aggregate from outbox order by id`,
  );
  const messages = await readStream(nats_url);
  const unique = new Map<string, Message>();
  for (const message of messages) if (!unique.has(message.id)) unique.set(message.id, message);
  const lanesOf = (of: { id: string; aggregate: string }[]) =>
    Map.groupBy(of, ({ aggregate }) => aggregate);
  const wanted = lanesOf(rows.map(({ event_id: id, aggregate }) => ({ id, aggregate })));
  const sent = lanesOf([...unique.values()]);
  const disordered = [...wanted].filter(
    ([aggregate, lane]) =>
      lane.map(({ id }) => id).join() !==
      sent
        .get(aggregate)
        ?.map(({ id }) => id)
        .join(),
  );
  return {
    facts: rows.length,
    messages: messages.length,
    missing: rows.filter(({ event_id }) => !unique.has(event_id)).length,
    repeated: messages.length - unique.size,
    disordered_aggregates: disordered.length,
  };
};
