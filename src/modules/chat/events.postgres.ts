import { eq, sql } from 'drizzle-orm';
import { type Db, onCommit } from '#platform/postgres/database.ts';
import type { EventLog } from './chat.ports.ts';
import { roomEventsTable, roomsTable } from './chat.table.ts';
import type { EventDraft, RoomEvent } from './chat-event.ts';

/** What is read with the message again is not kept twice. */
const dataOf = ({ type, data }: EventDraft): object | null =>
  type === 'message' || type === 'message_edited' ? null : data;

/** Told of what a commit has added to rooms, in order for each room. */
export type Tell = (events: readonly RoomEvent[]) => void;

/** On a transaction that holds the room. */
export const createEventLog = (db: Db, tell: Tell): EventLog => ({
  async append(room_id, drafts, at) {
    if (drafts.length === 0) return;
    const [room] = await db
      .update(roomsTable)
      .set({ last_seq: sql`${roomsTable.last_seq} + ${drafts.length}::int` })
      .where(eq(roomsTable.id, room_id))
      .returning({ last_seq: roomsTable.last_seq });
    if (!room) throw new Error('The room was locked and is gone');
    const first = room.last_seq - drafts.length + 1;
    await db.insert(roomEventsTable).values(
      drafts.map((draft, index) => ({
        room_id,
        seq: first + index,
        type: draft.type,
        user_id: draft.user_id,
        message_id: draft.message_id ?? null,
        data: dataOf(draft),
        created_at: at,
      })),
    );
    const events = drafts.map(
      ({ type, data }, index) =>
        ({ type, room_id, seq: first + index, timestamp: at, data }) as RoomEvent,
    );
    onCommit(db, () => tell(events));
  },
});
