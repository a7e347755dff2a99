import { invalidFields } from '#kernel/errors.ts';

/**
 * How far a subscriber has come, in all its rooms: what was delivered lately by room, and for all others the
 * time up to which everything was. Small, whatever the number of rooms.
 */
export type Place = { at_ms: number; seqs: ReadonlyMap<number, number> };

/** Clocks of processes differ by less, and no transaction lasts so long. */
export const MARGIN_MS = 60_000;

const base = 36;

/** Opaque to clients. */
export const writePlace = ({ at_ms, seqs }: Place): string =>
  [
    at_ms.toString(base),
    ...[...seqs].map(([room, seq]) => `${room.toString(base)}.${seq.toString(base)}`),
  ].join('-');

const number = (written: string): number => {
  const value = /^[0-9a-z]{1,11}$/.test(written) ? Number.parseInt(written, base) : Number.NaN;
  if (!Number.isSafeInteger(value))
    throw invalidFields([{ field: 'lastEventId', message: 'Is not an event id of ours' }]);
  return value;
};

const MOST_ROOMS = 1000;

export const readPlace = (written: string): Place => {
  const [at = '', ...rooms] = written.split('-', MOST_ROOMS + 1);
  const seqs = rooms.map((room): [number, number] => {
    const [id = '', seq = '', ...others] = room.split('.');
    return [number(id), others.length > 0 ? number('') : number(seq)];
  });
  return { at_ms: number(at), seqs: new Map(seqs) };
};

/** Follows what is delivered, and says where that is. */
export const createPlaceKeeper = (now: () => number) => {
  const delivered = new Map<number, { seq: number; at_ms: number }>();
  return {
    note(room_id: number, seq: number): void {
      delivered.delete(room_id);
      delivered.set(room_id, { seq, at_ms: now() });
    },
    written(): string {
      const at_ms = now();
      for (const [room_id, last] of delivered) {
        if (at_ms - last.at_ms <= 2 * MARGIN_MS) break;
        delivered.delete(room_id);
      }
      const seqs = new Map([...delivered].map(([room_id, { seq }]) => [room_id, seq]));
      return writePlace({ at_ms, seqs });
    },
  };
};
