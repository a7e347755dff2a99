import { createHash } from 'node:crypto';
import { asc, inArray, sql } from 'drizzle-orm';
import { type Database, type Db, onCommit } from '#platform/postgres/database.ts';
import type { Kept, MessageKeeper, Outgoing } from './chat.ports.ts';
import {
  messageMentionsTable,
  messagesTable as t,
  roomMembersTable as m,
  roomsTable,
} from './chat.table.ts';
import type { RoomEvent } from './chat-event.ts';
import type { Tell } from './events.postgres.ts';
import { type Ground, type Placed, plan, type Repeated, settledBefore } from './keeping.ts';
import { createMentions } from './members.postgres.ts';
import { type Message, mentionsIn } from './message.ts';
import { selectMessages } from './messages.postgres.ts';
import { memberColumns, roomColumns } from './rooms.postgres.ts';

const digestOf = ({ room_id, content, reply_to }: Outgoing): Buffer =>
  createHash('sha256')
    .update(JSON.stringify([room_id, content, reply_to]))
    .digest();

const lockRooms = async (db: Db, outgoing: readonly Outgoing[]): Promise<Ground['rooms']> => {
  const ids = [...new Set(outgoing.map(({ room_id }) => room_id))];
  const rows = await db
    .select(roomColumns)
    .from(roomsTable)
    .where(inArray(roomsTable.id, ids))
    .orderBy(asc(roomsTable.id))
    .for('update');
  return new Map(rows.map((row) => [row.id, row]));
};

const readMembers = async (db: Db, outgoing: readonly Outgoing[]): Promise<Ground['memberOf']> => {
  const rooms = outgoing.map(({ room_id }) => room_id);
  const users = outgoing.map(({ author }) => author.user_id);
  const { username: _, ...columns } = memberColumns;
  const rows = await db
    .select(columns)
    .from(m)
    .where(
      sql`(${m.room_id}, ${m.user_id}) in (select * from unnest(${sql.param(rooms)}::bigint[], ${sql.param(users)}::bigint[]))`,
    );
  const byKey = new Map(rows.map((row) => [`${row.room_id}:${row.user_id}`, row]));
  return (room_id, user_id) => byKey.get(`${room_id}:${user_id}`);
};

const readRepeated = async (
  db: Db,
  outgoing: readonly Outgoing[],
): Promise<Ground['repeatedBy']> => {
  const keyed = outgoing.filter(({ client_id }) => client_id !== null);
  if (keyed.length === 0) return () => undefined;
  const users = keyed.map(({ author }) => author.user_id);
  const clients = keyed.map(({ client_id }) => client_id);
  const same = sql`(${t.user_id}, ${t.client_id}) in (select * from unnest(${sql.param(users)}::bigint[], ${sql.param(clients)}::text[]))`;
  const digests = await db.select({ id: t.id, digest: t.client_digest }).from(t).where(same);
  if (digests.length === 0) return () => undefined;
  const messages = await selectMessages(db).where(
    inArray(
      t.id,
      digests.map(({ id }) => id),
    ),
  );
  const digestById = new Map(digests.map(({ id, digest }) => [id, digest]));
  const byKey = new Map(messages.map((row) => [`${row.user_id}:${row.client_id}`, row]));
  return (each): Repeated | undefined => {
    const message = byKey.get(`${each.author.user_id}:${each.client_id}`);
    if (!message) return undefined;
    return { message, isSame: digestById.get(message.id)?.equals(digestOf(each)) === true };
  };
};

const rowOf = ({ outgoing, seq }: Placed, n: number) => {
  const { room_id, author, content, reply_to, client_id } = outgoing;
  const client_digest = client_id === null ? null : digestOf(outgoing).toString('hex');
  return { n, room_id, seq, user_id: author.user_id, content, reply_to, client_id, client_digest };
};

/** Moves the rooms on, and adds messages and their events: one statement for the whole group. */
const insertAll = async (db: Db, placed: readonly Placed[], at: string): Promise<number[]> => {
  const { rows } = await db.execute<{ id: string; room_id: string; seq: string }>(sql`
    with given as (
      select * from jsonb_to_recordset(${JSON.stringify(placed.map(rowOf))}::jsonb)
        as g(n int, room_id bigint, seq bigint, user_id bigint, content text, reply_to bigint, client_id text, client_digest text)
    ), moved as (
      update rooms set last_seq = g.last_seq, last_message_at = ${at}::timestamptz
      from (select room_id, max(seq) as last_seq from given group by room_id) g
      where rooms.id = g.room_id
    ), spoken as (
      update room_members set last_sent_at = ${at}::timestamptz
      from (select distinct given.room_id, given.user_id from given
            join rooms on rooms.id = given.room_id where rooms.slow_mode_seconds > 0) s
      where room_members.room_id = s.room_id and room_members.user_id = s.user_id
    ), inserted as (
      insert into messages (room_id, seq, user_id, content, reply_to, client_id, client_digest, created_at)
      select room_id, seq, user_id, content, reply_to, client_id, decode(client_digest, 'hex'), ${at}::timestamptz
      from given order by n
      returning id, room_id, seq, user_id
    ), logged as (
      insert into room_events (room_id, seq, type, user_id, message_id, created_at)
      select room_id, seq, 'message', user_id, id, ${at}::timestamptz from inserted
    )
    select id, room_id, seq from inserted`);
  const byPlace = new Map(rows.map(({ id, room_id, seq }) => [`${room_id}:${seq}`, Number(id)]));
  return placed.map(({ outgoing, seq }) => byPlace.get(`${outgoing.room_id}:${seq}`) ?? 0);
};

const mentionAll = async (
  db: Db,
  placed: readonly Placed[],
  ids: readonly number[],
): Promise<number[][]> => {
  const mentions = createMentions(db);
  const found: number[][] = [];
  const rows: { message_id: number; user_id: number; room_id: number; seq: number }[] = [];
  for (const [index, { outgoing, seq }] of placed.entries()) {
    const { room_id, author, content } = outgoing;
    const named = await mentions.findMentioned(room_id, author.user_id, mentionsIn(content));
    const message_id = ids[index] ?? 0;
    rows.push(...named.map((user_id) => ({ message_id, user_id, room_id, seq })));
    found.push(named);
  }
  if (rows.length > 0) await db.insert(messageMentionsTable).values(rows);
  return found;
};

const messageOf = (
  { outgoing, seq }: Placed,
  { id, mentions, at }: { id: number; mentions: number[]; at: string },
): Message => ({
  id,
  room_id: outgoing.room_id,
  seq,
  user_id: outgoing.author.user_id,
  username: outgoing.author.username,
  content: outgoing.content,
  reply_to: outgoing.reply_to,
  reactions: [],
  mentions: mentions.toSorted((a, b) => a - b),
  pinned_at: null,
  edited_at: null,
  deleted_at: null,
  created_at: at,
  client_id: outgoing.client_id,
});

const add = async (db: Db, placed: readonly Placed[], at: string): Promise<Message[]> => {
  if (placed.length === 0) return [];
  const ids = await insertAll(db, placed, at);
  const mentioned = await mentionAll(db, placed, ids);
  return placed.map((each, index) =>
    messageOf(each, { id: ids[index] ?? 0, mentions: mentioned[index] ?? [], at }),
  );
};

const eventOf = (message: Message): RoomEvent => ({
  type: 'message',
  room_id: message.room_id,
  seq: message.seq,
  timestamp: message.created_at,
  data: message,
});

const keepIn = async (
  db: Db,
  outgoing: readonly Outgoing[],
  { at, tell }: { at: Date; tell: Tell },
): Promise<Kept[]> => {
  const rooms = await lockRooms(db, outgoing);
  const memberOf = await readMembers(db, outgoing);
  const repeatedBy = await readRepeated(db, outgoing);
  const { placed, settled, twins } = plan(outgoing, { rooms, memberOf, repeatedBy }, at);
  const messages = await add(db, placed, at.toISOString());
  onCommit(db, () => tell(messages.map(eventOf)));
  for (const [index, { index: of }] of placed.entries())
    settled.set(of, { outcome: 'kept', message: messages[index] as Message });
  for (const [index, of] of twins) {
    const { message } = settled.get(of) as { message: Message };
    settled.set(index, { outcome: 'repeated', message });
  }
  return outgoing.map((_, index) => settled.get(index) as Kept);
};

export const createMessageKeeper = (database: Database, tell: Tell): MessageKeeper => ({
  keepMany: (outgoing, at) => database.inTransaction((db) => keepIn(db, outgoing, { at, tell })),
  async findRepeated(outgoing) {
    const before = (await readRepeated(database.db, [outgoing]))(outgoing);
    return before && settledBefore(before);
  },
});
