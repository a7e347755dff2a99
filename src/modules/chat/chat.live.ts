import type { Member } from '#kernel/actor.ts';
import { withDeadline } from '#kernel/deadline.ts';
import { createHub } from './chat.hub.ts';
import type { Deps, EventReads } from './chat.ports.ts';
import {
  createSubscription,
  type Subscription,
  type Tell,
  type Wanted,
} from './chat.subscriptions.ts';
import type { RoomEvent } from './chat-event.ts';

type Outside = {
  deps: Deps;
  reads: EventReads;
  log: { warn(facts: object, said: string): void };
};

/** A read has a deadline of its own, not that of the request which happened to cause it. */
const bounded = (reads: EventReads, ms: number): EventReads => ({
  findAfter: (...asked) => withDeadline(ms, () => reads.findAfter(...asked)),
  findLastSeqs: (ids) => withDeadline(ms, () => reads.findLastSeqs(ids)),
  findJoined: (user_id) => withDeadline(ms, () => reads.findJoined(user_id)),
  findSeqBefore: (...asked) => withDeadline(ms, () => reads.findSeqBefore(...asked)),
});

/** Somebody who came to a room, and whose coming was not heard of, is looked for so often. */
const REFRESH_MS = 5000;

/** Those who follow a user wherever that user goes, by user. */
const createFollowers = () => {
  const byUser = new Map<number, Set<Subscription>>();
  return {
    byUser,
    of: (user_id: number): Iterable<Subscription> => byUser.get(user_id) ?? [],
    add(subscription: Subscription): void {
      const { user_id } = subscription;
      byUser.set(user_id, (byUser.get(user_id) ?? new Set()).add(subscription));
    },
    remove(subscription: Subscription): void {
      const left = byUser.get(subscription.user_id);
      left?.delete(subscription);
      if (left?.size === 0) byUser.delete(subscription.user_id);
    },
  };
};

/** Whom an event takes out of its room; nobody means everybody. */
const whoLeaves = (event: RoomEvent): { user_id: number } | 'nobody' | 'everybody' => {
  if (event.type === 'member_left') return event.data;
  if (event.type === 'moderation' && event.data.action === 'ban') return event.data;
  return event.type === 'room_updated' && event.data.deleted ? 'everybody' : 'nobody';
};

type Following = ReturnType<typeof createFollowers>;

/** Brings those who follow their user into rooms that it has come to in other processes. */
const refresher =
  (reads: EventReads, { byUser }: Following) =>
  async (): Promise<void> => {
    for (const [user_id, subscriptions] of byUser)
      for (const { room_id, joined_at } of await reads.findJoined(user_id)) {
        const before = new Date(Date.parse(joined_at) - REFRESH_MS).toISOString();
        for (const subscription of subscriptions)
          if (!subscription.isIn(room_id))
            await subscription.enter(room_id, await reads.findSeqBefore(room_id, before));
      }
  };

/** Runs work again and again, never twice at a time. */
const repeat = (work: () => Promise<void>, failed: (fault: unknown) => void): (() => void) => {
  let working = Promise.resolve();
  const timer = setInterval(() => {
    working = working.then(work).catch(failed);
  }, REFRESH_MS);
  timer.unref();
  return () => clearInterval(timer);
};

/** What happens in rooms, told to those who are in them. */
export const createLive = ({ deps, reads: unbounded, log }: Outside) => {
  const reads = bounded(unbounded, deps.request_timeout_ms);
  const all = createFollowers();
  const following = createFollowers();
  const warn = (err: unknown): void => log.warn({ err }, 'a room not followed');

  const settleLeaving = (event: RoomEvent): void => {
    const leaving = whoLeaves(event);
    if (leaving === 'nobody') return;
    const users = leaving === 'everybody' ? [...all.byUser.keys()] : [leaving.user_id];
    for (const user_id of users)
      for (const subscription of all.of(user_id)) subscription.leave(event.room_id);
  };
  const settleComing = ({ type, room_id, seq, data }: RoomEvent): void => {
    if (type !== 'member_joined') return;
    for (const subscription of following.of(data.user_id))
      subscription.enter(room_id, seq - 1).catch(warn);
  };
  const hub = createHub({ reads, delivered: settleLeaving, log });
  const stopRefreshing = repeat(refresher(reads, following), warn);

  return {
    /** What a commit of this process has added. */
    committed(events: readonly RoomEvent[]): void {
      for (const event of events) settleComing(event);
      hub.accept(events);
    },
    /** Tells until it is ended; what was missed comes first. Refuses rooms that the actor may not read. */
    async subscribe(actor: Member, wanted: Wanted, tell: Tell): Promise<{ end: () => void }> {
      const subscription = createSubscription({ deps, reads, hub }, { actor, tell });
      const lists = wanted.room_ids ? [all] : [all, following];
      for (const list of lists) list.add(subscription);
      const end = (): void => {
        subscription.end();
        for (const list of lists) list.remove(subscription);
      };
      try {
        await subscription.start(wanted);
        return { end };
      } catch (fault) {
        end();
        throw fault;
      }
    },
    close(): void {
      stopRefreshing();
      hub.close();
    },
  };
};

export type Live = ReturnType<typeof createLive>;
