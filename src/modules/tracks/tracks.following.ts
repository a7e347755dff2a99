import type { Asker } from '#kernel/actor.ts';
import { invalidFields } from '#kernel/errors.ts';
import type { EventRecord } from '#kernel/event.ts';
import { readAhead } from '#kernel/read-ahead.ts';
import { allows, get } from './tracks.library.ts';
import { isOwner } from './tracks.policy.ts';
import type { Deps } from './tracks.ports.ts';

/** Empty lists are no restriction. */
export type Wanted = { track_ids: readonly number[]; names: readonly string[] };

const MOST_WAITING = 500;

/** Which of the tracks are the asker's own: of those it hears all, even that they were removed. */
const ownOf = async (
  deps: Deps,
  { actor }: Asker,
  ids: readonly number[],
): Promise<Set<number>> => {
  if (ids.length === 0) throw invalidFields([{ field: 'track_ids', message: 'Name the tracks' }]);
  const own = new Set<number>();
  for (const id of ids) if (isOwner(actor, await get(deps)(actor, id))) own.add(id);
  return own;
};

type Hears = (track_id: number) => Promise<boolean>;

const hearingOf = async (deps: Deps, asker: Asker, ids: readonly number[]): Promise<Hears> => {
  if (asker.service !== undefined) return async () => true;
  const own = await ownOf(deps, asker, ids);
  return async (id) => own.has(id) || allows(deps)(asker.actor, 'read', id);
};

async function* heard(
  events: AsyncIterable<EventRecord>,
  ids: ReadonlySet<number>,
  hears: Hears,
): AsyncGenerator<EventRecord> {
  for await (const event of events) {
    const { id } = event.aggregate;
    if (ids.size > 0 && !ids.has(id)) continue;
    if (await hears(id)) yield event;
  }
}

/**
 * What happens to tracks, from the moment that the promise resolves until `signal` is aborted. Services hear
 * everything; others only of tracks that they may see at that moment, and of their own.
 */
export const follow =
  (deps: Deps) =>
  async (
    asker: Asker,
    { track_ids, names }: Wanted,
    signal: AbortSignal,
  ): Promise<AsyncIterable<EventRecord>> => {
    const hears = await hearingOf(deps, asker, track_ids);
    const [only, ...more] = track_ids;
    const single = only !== undefined && more.length === 0;
    const filter = { names, ...(single && { aggregate: { type: 'track', id: only } }) };
    const events = readAhead(deps.live.subscribe(filter, signal), MOST_WAITING);
    return heard(events, new Set(track_ids), hears);
  };
