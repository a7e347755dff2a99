import { and, asc, eq, gt, inArray, sql } from 'drizzle-orm';
import type { Db } from '#platform/postgres/database.ts';
import type { EventReads } from './chat.ports.ts';
import {
  messagesTable,
  roomEventsTable as t,
  roomMembersTable as m,
  roomsTable,
} from './chat.table.ts';
import type { RoomEvent } from './chat-event.ts';
import type { Message } from './message.ts';
import { selectMessages } from './messages.postgres.ts';

const columns = {
  room_id: t.room_id,
  seq: t.seq,
  type: t.type,
  message_id: t.message_id,
  data: t.data,
  created_at: t.created_at,
};

type Row = {
  room_id: number;
  seq: number;
  type: RoomEvent['type'];
  message_id: number | null;
  data: object | null;
  created_at: string;
};

/** Events that tell of a message tell of it as it is now: what was deleted since is a tombstone. */
const withMessages = async (db: Db, rows: readonly Row[]): Promise<RoomEvent[]> => {
  const ids = rows.flatMap(({ data, message_id }) =>
    data === null && message_id !== null ? [message_id] : [],
  );
  const messages: Message[] =
    ids.length === 0 ? [] : await selectMessages(db).where(inArray(messagesTable.id, ids));
  const byId = new Map(messages.map((message) => [message.id, message]));
  return rows.map(({ type, room_id, seq, created_at, data, message_id }) => {
    const told = data ?? byId.get(message_id ?? 0);
    return { type, room_id, seq, timestamp: created_at, data: told } as RoomEvent;
  });
};

export const createEventReads = (db: Db): EventReads => ({
  async findAfter(room_id, after, limit) {
    const rows = await db
      .select(columns)
      .from(t)
      .where(and(eq(t.room_id, room_id), gt(t.seq, after)))
      .orderBy(asc(t.seq))
      .limit(limit);
    return withMessages(db, rows);
  },
  async findLastSeqs(room_ids) {
    if (room_ids.length === 0) return new Map();
    const rows = await db
      .select({ id: roomsTable.id, last_seq: roomsTable.last_seq })
      .from(roomsTable)
      .where(inArray(roomsTable.id, [...room_ids]));
    return new Map(rows.map(({ id, last_seq }) => [id, last_seq]));
  },
  findJoined(user_id) {
    return db
      .select({ room_id: m.room_id, joined_at: m.joined_at })
      .from(m)
      .innerJoin(roomsTable, eq(roomsTable.id, m.room_id))
      .where(
        and(eq(m.user_id, user_id), eq(m.state, 'joined'), sql`${roomsTable.deleted_at} is null`),
      );
  },
  async findSeqBefore(room_id, at) {
    const [row] = await db
      .select({ seq: sql<number>`coalesce(max(${t.seq}), 0)::int` })
      .from(t)
      .where(and(eq(t.room_id, room_id), sql`${t.created_at} <= ${at}::timestamptz`));
    return row?.seq ?? 0;
  },
});
