import { lt, sql } from 'drizzle-orm';
import type { CacheTags } from '#kernel/cached.ts';
import type { JobKind } from '../jobs.ts';
import { type Db, onCommit } from '../postgres/database.ts';
import { cacheEntriesTable as entries, cacheTagsTable as marks } from './cache.table.ts';
import { assertTags, type Kept } from './entry.ts';

/** Processes tell each other of invalidated tags on this channel: an id, then the tags. */
export const CACHE_CHANNEL = 'veza_cache';

/** What a load that begins now will have seen at least. */
export type Snapshot = { seen: string; at: string };

type Row = Snapshot & { value: string | null; tags: string[] | null; fresh_ms: number | null };

/** PostgreSQL itself; an entry counts while it has seen every change of its tags. */
export const createDatabaseLevel = (db: Db) => ({
  async read(key: string): Promise<Kept | Snapshot> {
    const { rows } = await db.execute<Row>(sql`
      select pg_current_snapshot()::text as seen, now()::text as at, e.value, e.tags, e.fresh_ms
      from (select 1) as one left join lateral (
        select value, tags, (extract(epoch from expires_at - now()) * 1000)::float8 as fresh_ms
        from ${entries} as entry
        where key = ${key} and expires_at > now() and not exists (
          select 1 from ${marks} as mark
          where mark.tag = any (entry.tags) and not pg_visible_in_snapshot(mark.changed_by, entry.seen)
        )
      ) as e on true`);
    const [row] = rows;
    if (!row) throw new Error('A snapshot answered no row');
    const { seen, at, value, tags, fresh_ms } = row;
    return value !== null && tags !== null && fresh_ms !== null
      ? { text: value, tags, fresh_ms }
      : { seen, at };
  },
  async write(key: string, { text, tags, fresh_ms }: Kept, { seen, at }: Snapshot): Promise<void> {
    const expires_at = sql`${at}::timestamptz + ${Math.floor(fresh_ms)} * interval '1 millisecond'`;
    const entry = { value: text, tags: [...tags], seen, expires_at };
    await db
      .insert(entries)
      .values({ key, ...entry })
      .onConflictDoUpdate({ target: entries.key, set: entry });
  },
});

export type DatabaseLevel = ReturnType<typeof createDatabaseLevel>;

type Telling = {
  /** Whether results are kept in the database. */
  marksTags: () => boolean;
  newId: () => string;
  /** Right after the commit, in this process. */
  committed: (id: string, tags: readonly string[]) => void;
};

/** A notification takes 8000 bytes. */
const MOST_AT_ONCE = 60;

/** In one order everywhere: two changes never wait for each other. */
const mark = (db: Db, tags: readonly string[]) =>
  db.execute(sql`
    insert into ${marks} (tag, changed_by)
    select tag, pg_current_xact_id() from unnest(${sql.param([...tags])}::text[]) as tag order by tag
    on conflict (tag) do update set changed_by = excluded.changed_by, changed_at = now()`);

/** Bound to a transaction: others hear of it when it commits, and this process knows before its caller does. */
export const createCacheTags =
  ({ marksTags, newId, committed }: Telling) =>
  (db: Db): CacheTags => ({
    async invalidate(given) {
      const tags = [...new Set(given)];
      assertTags(tags);
      if (tags.length === 0) return;
      if (marksTags()) await mark(db, tags);
      for (let first = 0; first < tags.length; first += MOST_AT_ONCE) {
        const id = newId();
        const some = tags.slice(first, first + MOST_AT_ONCE);
        await db.execute(sql`select pg_notify(${CACHE_CHANNEL}, ${[id, ...some].join(' ')})`);
        onCommit(db, () => committed(id, some));
      }
    },
  });

export const purgeCache = (db: Db): JobKind<object> => ({
  name: 'cache.purge',
  retry_limit: 2,
  longest_seconds: 300,
  schedule: '*/10 * * * *',
  run: async () => {
    await db.delete(entries).where(lt(entries.expires_at, sql`now()`));
    await db.delete(marks).where(lt(marks.changed_at, sql`now() - interval '1 day'`));
  },
});
