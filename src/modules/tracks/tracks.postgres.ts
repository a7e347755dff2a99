import {
  and,
  count,
  desc,
  eq,
  gte,
  inArray,
  isNotNull,
  isNull,
  lt,
  type SQL,
  sql,
} from 'drizzle-orm';
import { isShown, usersTable } from '#modules/users/users.table.ts';
import type { Db } from '#platform/postgres/database.ts';
import { violates } from '#platform/postgres/failures.ts';
import { below, cut } from '#platform/postgres/paging.ts';
import { type Track, trackErrors } from './track.ts';
import type { PlayStore, TrackFilter, TrackReads, TrackWrites } from './tracks.ports.ts';
import { blobsTable, playsTable, tracksTable as t, waveformsTable } from './tracks.table.ts';

const columns = {
  id: t.id,
  user_id: t.user_id,
  username: usersTable.username,
  title: t.title,
  artist: t.artist,
  album: t.album,
  description: t.description,
  genre: t.genre,
  year: t.year,
  tags: t.tags,
  license: t.license,
  visibility: t.visibility,
  is_downloadable: t.is_downloadable,
  bpm: t.bpm,
  musical_key: t.musical_key,
  status: t.status,
  failure_code: t.failure_code,
  format: t.format,
  content_type: t.content_type,
  file_path: t.file_path,
  original_filename: t.original_filename,
  size_bytes: t.size_bytes,
  sha256: t.sha256,
  duration_seconds: t.duration_seconds,
  bitrate: t.bitrate,
  sample_rate: t.sample_rate,
  channels: t.channels,
  play_count: t.play_count,
  like_count: t.like_count,
  comment_count: t.comment_count,
  version: t.version,
  created_at: t.created_at,
  updated_at: t.updated_at,
  deleted_at: t.deleted_at,
};

const selectTracks = (db: Db) =>
  db.select(columns).from(t).innerJoin(usersTable, eq(usersTable.id, t.user_id));

const ifGiven = <T>(value: T | undefined, condition: (value: T) => SQL): SQL | undefined =>
  value === undefined ? undefined : condition(value);

const matching = (filter: TrackFilter): SQL | undefined =>
  and(
    filter.deleted ? isNotNull(t.deleted_at) : isNull(t.deleted_at),
    ifGiven(filter.user_id, (id) => eq(t.user_id, id)),
    ifGiven(filter.status, (status) => eq(t.status, status)),
    ifGiven(filter.format, (format) => eq(t.format, format)),
    ifGiven(filter.genre, (genre) => sql`lower(${t.genre}) = ${genre.toLowerCase()}`),
    ifGiven(filter.tag, (tag) => sql`${t.tags} @> ${JSON.stringify([tag])}::jsonb`),
    ifGiven(
      filter.shown,
      (visibilities) =>
        sql`(${inArray(t.visibility, [...visibilities])} and ${eq(t.status, 'ready')} and ${isShown})`,
    ),
  );

/** On the pool: the hot reads are prepared once. */
export const createTrackReads = (db: Db): TrackReads => {
  const byId = selectTracks(db)
    .where(and(eq(t.id, sql.placeholder('id')), isShown))
    .prepare('track_by_id');
  const peaksById = db
    .select({ peaks: waveformsTable.peaks })
    .from(waveformsTable)
    .where(eq(waveformsTable.track_id, sql.placeholder('id')))
    .prepare('peaks_by_track');
  return {
    findOneById: async (id) => (await byId.execute({ id }))[0],
    findPeaks: async (id) => (await peaksById.execute({ id }))[0]?.peaks ?? null,
    findMany: (filter, slice) =>
      cut(
        selectTracks(db)
          .where(and(matching(filter), below(t, slice)))
          .$dynamic(),
        t,
        slice,
      ),
    async count(filter) {
      const [row] = await db
        .select({ total: count() })
        .from(t)
        .innerJoin(usersTable, eq(usersTable.id, t.user_id))
        .where(matching(filter));
      return row?.total ?? 0;
    },
    findDays: (id, since) =>
      db
        .select({ day: playsTable.day, plays: count() })
        .from(playsTable)
        .where(and(eq(playsTable.track_id, id), gte(playsTable.day, since)))
        .groupBy(playsTable.day)
        .orderBy(desc(playsTable.day)),
  };
};

const found = (row: Track | undefined): Track => {
  if (!row) throw new Error('The track was locked and is gone');
  return row;
};

const reread = async (db: Db, id: number): Promise<Track> =>
  found((await selectTracks(db).where(eq(t.id, id)))[0]);

const changed = { version: sql`${t.version} + 1`, updated_at: sql`now()` };

/** A second live track with the same bytes: the unique index is the rule. */
const refuseTwin = (fault: unknown): never => {
  throw violates(fault, 'idx_tracks_user_sha256')
    ? trackErrors.uploadedAgain({ cause: fault })
    : fault;
};

const keeping = (
  db: Db,
): Pick<
  TrackWrites,
  'lockOneById' | 'findLiveBySha256' | 'insertOne' | 'updateOne' | 'setDeleted' | 'setProcessing'
> => ({
  async lockOneById(id) {
    const [row] = await selectTracks(db).where(eq(t.id, id)).for('update', { of: t });
    return row;
  },
  async findLiveBySha256(user_id, sha256) {
    const [row] = await selectTracks(db).where(
      and(eq(t.user_id, user_id), eq(t.sha256, sha256), isNull(t.deleted_at)),
    );
    return row;
  },
  async insertOne(track, at) {
    const stamped = { ...track, created_at: at.toISOString(), updated_at: at.toISOString() };
    const [row] = await db.insert(t).values(stamped).returning({ id: t.id }).catch(refuseTwin);
    if (!row) throw new Error('An insert answered no row');
    return reread(db, row.id);
  },
  async updateOne(id, changes) {
    await db
      .update(t)
      .set({ ...changes, ...changed })
      .where(eq(t.id, id));
    return reread(db, id);
  },
  async setDeleted(id, deleted_at) {
    const at = deleted_at === null ? null : deleted_at.toISOString();
    await db
      .update(t)
      .set({ deleted_at: at, ...changed })
      .where(eq(t.id, id))
      .catch(refuseTwin);
    return reread(db, id);
  },
  async setProcessing(id) {
    await db
      .update(t)
      .set({ status: 'processing', failure_code: null, ...changed })
      .where(eq(t.id, id));
    return reread(db, id);
  },
});

const processing = (db: Db): Pick<TrackWrites, 'setReady' | 'setFailed'> => ({
  async setReady(id, { title, artist, album, genre, year, ...properties }, peaks) {
    const filled = {
      artist: sql`coalesce(${t.artist}, ${artist})`,
      album: sql`coalesce(${t.album}, ${album})`,
      genre: sql`coalesce(${t.genre}, ${genre})`,
      year: sql`coalesce(${t.year}, ${year}::integer)`,
    };
    const ready = { ...properties, ...filled, title, status: 'ready' as const, failure_code: null };
    await db
      .update(t)
      .set({ ...ready, ...changed })
      .where(eq(t.id, id));
    await db.delete(waveformsTable).where(eq(waveformsTable.track_id, id));
    if (peaks) await db.insert(waveformsTable).values({ track_id: id, peaks });
  },
  async setFailed(id, failure_code) {
    await db
      .update(t)
      .set({ status: 'failed', failure_code, ...changed })
      .where(eq(t.id, id));
  },
});

const usage = (db: Db): Pick<TrackWrites, 'changeUsage'> => ({
  async changeUsage(user_id, bytes, quota_bytes) {
    const fits =
      bytes > 0
        ? sql`${usersTable.storage_used_bytes} + ${bytes}::bigint <= ${quota_bytes}::bigint`
        : undefined;
    const rows = await db
      .update(usersTable)
      .set({
        storage_used_bytes: sql`greatest(0, ${usersTable.storage_used_bytes} + ${bytes}::bigint)`,
      })
      .where(and(eq(usersTable.id, user_id), fits))
      .returning({ id: usersTable.id });
    if (rows.length === 0) throw trackErrors.quotaExceeded();
  },
});

const blobs = (
  db: Db,
): Pick<
  TrackWrites,
  'lockBlob' | 'ensureBlob' | 'removeBlobIfUnused' | 'hasBlob' | 'findDeletedBefore' | 'removeOne'
> => ({
  async lockBlob(sha256) {
    await db.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`blob ${sha256}`}, 0))`);
  },
  async ensureBlob(sha256, size_bytes) {
    await db.insert(blobsTable).values({ sha256, size_bytes }).onConflictDoNothing();
  },
  async removeBlobIfUnused(sha256) {
    const unused = sql`not exists (select 1 from ${t} where ${t.sha256} = ${sha256})`;
    const removed = await db
      .delete(blobsTable)
      .where(and(eq(blobsTable.sha256, sha256), unused))
      .returning({ sha256: blobsTable.sha256 });
    return removed.length > 0;
  },
  async hasBlob(sha256) {
    const rows = await db
      .select({ sha256: blobsTable.sha256 })
      .from(blobsTable)
      .where(eq(blobsTable.sha256, sha256));
    return rows.length > 0;
  },
  findDeletedBefore: (at, limit) =>
    db
      .select({ id: t.id, sha256: t.sha256, file_path: t.file_path })
      .from(t)
      .where(lt(t.deleted_at, at.toISOString()))
      .orderBy(t.deleted_at)
      .limit(limit),
  async removeOne(id) {
    await db.delete(t).where(eq(t.id, id));
  },
});

/** On a transaction. */
export const createTrackWrites = (db: Db): TrackWrites => ({
  ...keeping(db),
  ...processing(db),
  ...usage(db),
  ...blobs(db),
});

export const createPlayStore = (db: Db): PlayStore => ({
  async countPlay(play) {
    const counted = db
      .$with('counted')
      .as(
        db
          .insert(playsTable)
          .values(play)
          .onConflictDoNothing()
          .returning({ track_id: playsTable.track_id }),
      );
    const more = sql<number>`(select count(*)::int from ${counted})`;
    const [row] = await db
      .with(counted)
      .update(t)
      .set({ play_count: sql`${t.play_count} + ${more}` })
      .where(eq(t.id, play.track_id))
      .returning({ play_count: t.play_count, more });
    return { counted: row?.more === 1, play_count: row?.play_count ?? 0 };
  },
});
