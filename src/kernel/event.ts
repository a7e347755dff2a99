/** A fact as it is published and kept. */
export type EventRecord = {
  id: string;
  name: string;
  version: number;
  aggregate: { type: string; id: number };
  occurred_at: string;
  request_id: string;
  payload: Record<string, unknown>;
};

/** Facts as they happen: from the moment of subscribing until `signal` is aborted. */
export interface LiveEvents {
  subscribe(
    filter: { names?: readonly string[]; aggregate?: { type: string; id: number } },
    signal: AbortSignal,
  ): AsyncIterable<EventRecord>;
}
