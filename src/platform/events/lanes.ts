import type { Outgoing } from './outbox.postgres.ts';

const laneOf = ({ event: { aggregate } }: Outgoing): string => `${aggregate.type}:${aggregate.id}`;

/** The events of each aggregate, in their order. */
const inLanes = (outgoing: readonly Outgoing[]): Outgoing[][] => [
  ...Map.groupBy(outgoing, laneOf).values(),
];

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
  await Promise.all(inLanes(outgoing).map(runLane));
  return sent;
};
