import type { EventRecord } from '#kernel/event.ts';
import type { Outgoing } from './outbox.postgres.ts';

/** Events of one lane come one after another. */
export const laneOf = ({ aggregate }: Pick<EventRecord, 'aggregate'>): string =>
  `${aggregate.type}:${aggregate.id}`;

/**
 * Sends events one after another within an aggregate, and side by side across them. Where one could not be
 * sent those behind it are not tried. Answers the positions that were sent.
 */
export const sendInLanes = async (
  outgoing: readonly Outgoing[],
  send: (one: Outgoing) => Promise<boolean>,
): Promise<number[]> => {
  const sent: number[] = [];
  const runLane = async (lane: readonly Outgoing[]): Promise<void> => {
    for (const one of lane) {
      if (!(await send(one))) return;
      sent.push(one.position);
    }
  };
  const lanes = Map.groupBy(outgoing, ({ event }) => laneOf(event));
  await Promise.all([...lanes.values()].map(runLane));
  return sent;
};
