import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  date,
  index,
  integer,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  real,
  text,
  uniqueIndex,
  varchar,
} from 'drizzle-orm/pg-core';
import { usersTable } from '#modules/users/users.table.ts';
import { big, identity, instant } from '#platform/postgres/columns.ts';
import type { AudioFormat, FailureCode, TrackStatus, Visibility } from './track.ts';

/** Bytes that are kept once, however many tracks share them. */
export const blobsTable = pgTable('blobs', {
  sha256: varchar({ length: 64 }).primaryKey(),
  size_bytes: big().notNull(),
  created_at: instant()
    .notNull()
    .default(sql`now()`),
});

export const tracksTable = pgTable(
  'tracks',
  {
    id: identity(),
    user_id: big()
      .notNull()
      .references(() => usersTable.id),
    title: varchar({ length: 200 }).notNull(),
    artist: varchar({ length: 200 }),
    album: varchar({ length: 200 }),
    description: varchar({ length: 5000 }),
    genre: varchar({ length: 100 }),
    year: integer(),
    tags: jsonb().$type<string[]>().notNull().default([]),
    license: varchar({ length: 100 }),
    visibility: text().$type<Visibility>().notNull().default('public'),
    is_downloadable: boolean().notNull().default(false),
    bpm: numeric({ precision: 6, scale: 2, mode: 'number' }),
    musical_key: varchar({ length: 10 }),
    status: text().$type<TrackStatus>().notNull().default('processing'),
    failure_code: text().$type<FailureCode>(),
    file_path: varchar({ length: 200 }).notNull(),
    original_filename: varchar({ length: 255 }).notNull(),
    format: text().$type<AudioFormat>().notNull(),
    content_type: varchar({ length: 50 }).notNull(),
    size_bytes: big().notNull(),
    sha256: varchar({ length: 64 })
      .notNull()
      .references(() => blobsTable.sha256),
    duration_seconds: integer(),
    bitrate: integer(),
    sample_rate: integer(),
    channels: integer(),
    play_count: integer().notNull().default(0),
    like_count: integer().notNull().default(0),
    comment_count: integer().notNull().default(0),
    version: integer().notNull().default(1),
    created_at: instant().notNull(),
    updated_at: instant().notNull(),
    deleted_at: instant(),
  },
  (t) => [
    uniqueIndex('idx_tracks_user_sha256')
      .on(t.user_id, t.sha256)
      .where(sql`${t.deleted_at} is null`),
    index('idx_tracks_created_at').on(t.created_at.desc().nullsFirst(), t.id.desc().nullsFirst()),
    index('idx_tracks_user_created').on(
      t.user_id,
      t.created_at.desc().nullsFirst(),
      t.id.desc().nullsFirst(),
    ),
    index('idx_tracks_sha256').on(t.sha256),
    index('idx_tracks_deleted_at')
      .on(t.deleted_at)
      .where(sql`${t.deleted_at} is not null`),
    check('tracks_visibility_known', sql`${t.visibility} in ('private', 'unlisted', 'public')`),
    check('tracks_status_known', sql`${t.status} in ('processing', 'ready', 'failed')`),
  ],
);

/** 800 peaks a track, apart from it: they are large and seldom read. */
export const waveformsTable = pgTable('track_waveforms', {
  track_id: big()
    .primaryKey()
    .references(() => tracksTable.id, { onDelete: 'cascade' }),
  peaks: real().array().notNull(),
});

/** One row a listener and day: the primary key is the rule that counts a play once. */
export const playsTable = pgTable(
  'track_plays',
  {
    track_id: big()
      .notNull()
      .references(() => tracksTable.id, { onDelete: 'cascade' }),
    day: date().notNull(),
    /** `user:12`, or the day's digest of a stranger's address and agent. */
    listener: varchar({ length: 64 }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.track_id, t.day, t.listener] })],
);
