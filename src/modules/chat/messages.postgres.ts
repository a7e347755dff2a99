import { and, asc, count, desc, eq, gt, lt, sql } from 'drizzle-orm';
import { usersTable } from '#modules/users/users.table.ts';
import type { Db } from '#platform/postgres/database.ts';
import type { MessageReads, MessageWrites } from './chat.ports.ts';
import {
  messageEditsTable as e,
  messageMentionsTable as n,
  messageReactionsTable as r,
  messagesTable as t,
} from './chat.table.ts';
import { type Message, messageErrors, MOST_REACTIONS, type Reaction } from './message.ts';

/** By the first of each kind; the tables are named in full, being inside a subquery. */
const reactions = sql<
  Reaction[]
>`(select coalesce(json_agg(json_build_object('emoji', k.emoji, 'count', k.total, 'user_ids', k.ids) order by k.first, k.emoji), '[]') from (select emoji, count(*)::int as total, json_agg(user_id order by created_at, user_id) as ids, min(created_at) as first from message_reactions where message_reactions.message_id = messages.id group by emoji) k)`;
const mentions = sql<
  number[]
>`(select coalesce(json_agg(message_mentions.user_id order by message_mentions.user_id), '[]') from message_mentions where message_mentions.message_id = messages.id)`;

const columns = {
  id: t.id,
  room_id: t.room_id,
  seq: t.seq,
  user_id: t.user_id,
  username: usersTable.username,
  content: t.content,
  reply_to: t.reply_to,
  reactions,
  mentions,
  pinned_at: t.pinned_at,
  edited_at: t.edited_at,
  deleted_at: t.deleted_at,
  created_at: t.created_at,
  client_id: t.client_id,
};

export const selectMessages = (db: Db) =>
  db.select(columns).from(t).innerJoin(usersTable, eq(usersTable.id, t.user_id));

const findOneById =
  (db: Db) =>
  async (id: number): Promise<Message | undefined> => {
    const [row] = await selectMessages(db).where(eq(t.id, id));
    return row;
  };

export const createMessageReads = (db: Db): MessageReads => ({
  findOneById: findOneById(db),
  findMany: ({ room_id, before, after, order, limit }) =>
    selectMessages(db)
      .where(
        and(
          eq(t.room_id, room_id),
          before === undefined ? undefined : lt(t.seq, before),
          after === undefined ? undefined : gt(t.seq, after),
        ),
      )
      .orderBy(order === 'newest' ? desc(t.seq) : asc(t.seq))
      .limit(limit),
  findPage: (room_id, { limit, offset }) =>
    selectMessages(db)
      .where(eq(t.room_id, room_id))
      .orderBy(desc(t.seq))
      .limit(limit)
      .offset(offset),
  async count(room_id) {
    const [row] = await db.select({ total: count() }).from(t).where(eq(t.room_id, room_id));
    return row?.total ?? 0;
  },
  findEdits: (id) =>
    db
      .select({ content: e.content, edited_at: e.edited_at })
      .from(e)
      .where(eq(e.message_id, id))
      .orderBy(e.id),
});

const marks = (db: Db): Pick<MessageWrites, 'addReaction' | 'removeReaction'> => ({
  async addReaction(message_id, user_id, emoji) {
    const added = await db
      .insert(r)
      .values({ message_id, user_id, emoji })
      .onConflictDoNothing()
      .returning({ emoji: r.emoji });
    const kinds = sql<number>`count(distinct ${r.emoji})::int`;
    const [row] = await db.select({ kinds }).from(r).where(eq(r.message_id, message_id));
    if ((row?.kinds ?? 0) > MOST_REACTIONS) throw messageErrors.tooManyReactions();
    return added.length > 0;
  },
  async removeReaction(message_id, user_id, emoji) {
    const removed = await db
      .delete(r)
      .where(and(eq(r.message_id, message_id), eq(r.user_id, user_id), eq(r.emoji, emoji)))
      .returning({ emoji: r.emoji });
    return removed.length > 0;
  },
});

/** On a transaction that holds the message's room. */
export const createMessageWrites = (db: Db): MessageWrites => {
  const find = findOneById(db);
  const reread = async (id: number): Promise<Message> => {
    const message = await find(id);
    if (!message) throw new Error('The message was there and is gone');
    return message;
  };
  const forgetMentions = (id: number) => db.delete(n).where(eq(n.message_id, id));
  return {
    ...marks(db),
    findOneById: find,
    async edit(id, content, { mentions: named, at }) {
      const { room_id, seq, content: before } = await reread(id);
      if (before !== null)
        await db.insert(e).values({ message_id: id, content: before, edited_at: at });
      await db.update(t).set({ content, edited_at: at }).where(eq(t.id, id));
      await forgetMentions(id);
      const rows = named.map((user_id) => ({ message_id: id, user_id, room_id, seq }));
      if (rows.length > 0) await db.insert(n).values(rows);
      return reread(id);
    },
    async bury(id, deleted_by, deleted_at) {
      const gone = { content: null, pinned_at: null, pinned_by: null, deleted_by, deleted_at };
      await db.update(t).set(gone).where(eq(t.id, id));
      await db.delete(e).where(eq(e.message_id, id));
      await db.delete(r).where(eq(r.message_id, id));
      await forgetMentions(id);
      return reread(id);
    },
    async setPinned(id, by, at) {
      const pinned = { pinned_at: at, pinned_by: at === null ? null : by };
      await db.update(t).set(pinned).where(eq(t.id, id));
      return reread(id);
    },
  };
};
