import { Counter, Gauge, type Registry } from '@prometheus-io/client';

type Outcome = 'done' | 'failed' | 'parked';

const gaugesIn = (registers: Registry[]) => ({
  lag: new Gauge({
    name: 'veza_outbox_lag_seconds',
    help: 'Age of the oldest event that was not relayed',
    registers,
  }),
  unrelayed: new Gauge({
    name: 'veza_outbox_unrelayed',
    help: 'Events that were not relayed yet',
    registers,
  }),
  parked: new Gauge({
    name: 'veza_events_parked',
    help: 'Events that wait for somebody: they could not be relayed or handled',
    registers,
  }),
});

export const createEventMetrics = (registry: Registry) => {
  const registers = [registry];
  const { lag, unrelayed, parked } = gaugesIn(registers);
  const relayed = new Counter({
    name: 'veza_events_relayed_total',
    help: 'Events that were relayed by this process',
    registers,
  });
  const handled = new Counter({
    name: 'veza_events_handled_total',
    help: 'Events that consumers were told of, by consumer and outcome',
    labelNames: ['consumer', 'outcome'],
    registers,
  });
  return {
    backlog(backlog: { rows: number; lag_seconds: number }, parked_rows: number): void {
      lag.set(backlog.lag_seconds);
      unrelayed.set(backlog.rows);
      parked.set(parked_rows);
    },
    relayed: (events: number): void => relayed.inc(events),
    handled: (consumer: string, outcome: Outcome, events = 1): void =>
      handled.inc({ consumer, outcome }, events),
  };
};

export type EventMetrics = ReturnType<typeof createEventMetrics>;
