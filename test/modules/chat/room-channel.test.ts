import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RoomEvent } from '#modules/chat/chat-event.ts';
import { createPlaceKeeper, readPlace } from '#modules/chat/place.ts';
import { createRoomChannel } from '#modules/chat/room-channel.ts';

const eventAt = (seq: number): RoomEvent => ({
  type: 'pin',
  room_id: 1,
  seq,
  timestamp: '2026-01-01T00:00:00.000Z',
  data: { message_id: 1, by: 1, pinned: true },
});

/** A room of so many events, of which some are broadcast, in some order, some of them twice. */
const follow = async (last: number, broadcast: readonly number[]): Promise<number[]> => {
  const told: number[] = [];
  const channel = createRoomChannel({
    seq: 0,
    deliver: ({ seq }) => void told.push(seq),
    read: async (after) =>
      Array.from({ length: Math.min(3, last - after) }, (_, index) => eventAt(after + index + 1)),
    failed: (fault) => {
      throw fault;
    },
  });
  for (const seq of broadcast) channel.accept(eventAt(seq));
  await channel.reach(last);
  channel.close();
  return told;
};

describe('a channel', () => {
  it('tells each event once and in order, however they are broadcast and whichever are lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc
          .integer({ min: 1, max: 20 })
          .chain((last) =>
            fc.tuple(
              fc.constant(last),
              fc.array(fc.integer({ min: 1, max: last }), { maxLength: 40 }),
            ),
          ),
        async ([last, broadcast]) => {
          const told = await follow(last, broadcast);
          expect(told).toEqual(Array.from({ length: last }, (_, index) => index + 1));
        },
      ),
    );
  });

  it('looks for what is missing without being asked', async () => {
    const told: number[] = [];
    const channel = createRoomChannel({
      seq: 0,
      deliver: ({ seq }) => void told.push(seq),
      read: async (after) => [eventAt(after + 1), eventAt(after + 2)],
      failed: () => undefined,
    });
    channel.accept(eventAt(2));
    await expect.poll(() => told).toEqual([1, 2]);
  });
});

describe('a place', () => {
  it('tells of the rooms of the last moments one by one, and of all others by the time', () => {
    let at = 1_800_000_000_000;
    const keeper = createPlaceKeeper(() => at);
    keeper.note(7, 12);
    at += 10_000;
    keeper.note(8, 3);
    keeper.note(7, 13);
    expect(readPlace(keeper.written())).toEqual({
      at_ms: at,
      seqs: new Map([
        [8, 3],
        [7, 13],
      ]),
    });
    at += 200_000;
    expect(readPlace(keeper.written())).toEqual({ at_ms: at, seqs: new Map() });
  });

  it.each(['', 'x y', 'abc-1', 'abc-1.2.3', '-', 'é', 'zzzzzzzzzzzzzzzz'])(
    'refuses %j',
    (written) => {
      expect(() => readPlace(written)).toThrow(
        expect.objectContaining({ code: 'VALIDATION_ERROR' }),
      );
    },
  );
});
