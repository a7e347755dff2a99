import type { Readable } from 'node:stream';
import type { AccountState, Origin, Role } from '#kernel/actor.ts';
import type { ReadThrough } from '#kernel/cached.ts';
import type { Facts, LiveEvents } from '#kernel/event.ts';
import type { Slice } from '#kernel/feed.ts';
import type { ByteRange } from '#kernel/media.ts';
import type { AuditTrail } from '#modules/audit/audit.events.ts';
import type {
  AudioFormat,
  AudioProperties,
  FailureCode,
  Track,
  TrackDetails,
  TrackStatus,
  Visibility,
} from './track.ts';

export type NewTrack = Pick<
  Track,
  | 'user_id'
  | 'title'
  | 'file_path'
  | 'original_filename'
  | 'format'
  | 'content_type'
  | 'size_bytes'
  | 'sha256'
> &
  Changes;

/** Absent and undefined stay as they are, null clears. */
export type Changes = { [K in keyof TrackDetails]?: TrackDetails[K] | undefined };

export type TrackFilter = {
  /** Of one user. */
  user_id?: number;
  /** Only what strangers may find: ready, with one of these visibilities, of an account in good standing. */
  shown?: readonly Visibility[];
  genre?: string | undefined;
  tag?: string | undefined;
  format?: AudioFormat | undefined;
  status?: TrackStatus | undefined;
  deleted: boolean;
};

export interface TrackReads {
  /** Deleted ones, too: callers decide. */
  findOneById(id: number): Promise<Track | undefined>;
  findMany(filter: TrackFilter, slice: Slice): Promise<Track[]>;
  count(filter: TrackFilter): Promise<number>;
  findPeaks(id: number): Promise<number[] | null>;
  findDays(id: number, since: string): Promise<{ day: string; plays: number }[]>;
}

export type Analysed = AudioProperties &
  Pick<TrackDetails, 'artist' | 'album' | 'genre' | 'year'> & { title: string | undefined };

export interface TrackWrites {
  lockOneById(id: number): Promise<Track | undefined>;
  findLiveBySha256(user_id: number, sha256: string): Promise<Track | undefined>;
  insertOne(track: NewTrack, at: Date): Promise<Track>;
  updateOne(id: number, changes: Changes): Promise<Track>;
  setDeleted(id: number, deleted_at: Date | null): Promise<Track>;
  setProcessing(id: number): Promise<Track>;
  /** What the owner has written stays; the file fills what is empty. */
  setReady(id: number, found: Analysed, peaks: number[] | null): Promise<void>;
  setFailed(id: number, failure_code: FailureCode): Promise<void>;
  /** Takes from the owner's quota, or gives back; refuses what does not fit. */
  changeUsage(user_id: number, bytes: number, quota_bytes: number): Promise<void>;
  /** Nobody else publishes or removes these bytes until the end of the transaction. */
  lockBlob(sha256: string): Promise<void>;
  ensureBlob(sha256: string, size_bytes: number): Promise<void>;
  /** Whether the last track that shared the bytes is gone, and their row with it. */
  removeBlobIfUnused(sha256: string): Promise<boolean>;
  hasBlob(sha256: string): Promise<boolean>;
  findDeletedBefore(at: Date, limit: number): Promise<Pick<Track, 'id' | 'sha256' | 'file_path'>[]>;
  removeOne(id: number): Promise<void>;
}

export interface PlayStore {
  /** Counts a play unless the listener has one on that day. */
  countPlay(play: {
    track_id: number;
    day: string;
    listener: string;
  }): Promise<{ counted: boolean; play_count: number }>;
}

export interface Users {
  /** Refuses a user who has no profile. */
  get(id: number): Promise<unknown>;
  storageOf(id: number): Promise<number>;
  /** Whether the account may still use what was signed for it. */
  isInGoodStanding(id: number): Promise<boolean>;
  /** The account as it is now, whatever became of it. */
  me(actor: { user_id: number }): Promise<{ username: string; role: Role; state: AccountState }>;
}

type About = { author_id: number; subject: { kind: string; id: number | null } };
type FieldText = { field: string; scope: 'title' | 'bio'; text: string };

/** Says which texts may be kept. */
export interface Texts {
  /** How texts are to be written instead, by field; refuses those that may not be kept, naming their fields. */
  vet(texts: readonly FieldText[], about: About): Promise<Readonly<Record<string, string>>>;
  /** The same without refusing: fields whose text may not be kept. */
  judge(texts: readonly FieldText[], about: About): Promise<{ refused: readonly string[] }>;
}

export type StagedBlob = {
  readonly sha256: string;
  readonly size_bytes: number;
  readonly head: Buffer;
  flush(): Promise<void>;
  publish(key: string): Promise<void>;
  discard(): Promise<void>;
};

export interface Blobs {
  stage(content: Readable, options: { max_bytes: number }): Promise<StagedBlob>;
  open(key: string, range?: ByteRange): Promise<Readable>;
  remove(key: string): Promise<void>;
  withLocalFile<T>(key: string, work: (path: string) => Promise<T>): Promise<T>;
}

/** Tells audio by its first bytes. */
export interface Recognition {
  formatOf(head: Buffer): AudioFormat | undefined;
  contentTypeOf(format: AudioFormat, head: Buffer): string;
  keyOf(sha256: string): string;
}

export type Report =
  | ({
      ok: true;
      title: string | null;
      artist: string | null;
      album: string | null;
      genre: string | null;
      year: number | null;
      peaks: number[] | null;
    } & {
      [K in keyof AudioProperties]: number;
    })
  | { ok: false; failure_code: FailureCode };

export interface Analysis {
  analyse(path: string, format: AudioFormat, options: { signal: AbortSignal }): Promise<Report>;
}

export interface StreamUrls {
  /** The path of a signed address, and when it ends. */
  sign(track_id: number, user_id: number): { path: string; expires_at: string };
  /** The user it was signed for, 0 for strangers; undefined when it is wrong or has expired. */
  verify(
    address: { id: number; user: string; expires: string; sig: string },
    /** How long it is still taken after it has expired. */
    leeway_ms?: number,
  ): number | undefined;
}

export interface Queue {
  process(track_id: number): Promise<void>;
}

export type TrackStores = {
  tracks: TrackWrites;
  plays: PlayStore;
  queue: Queue;
  audit: AuditTrail;
  facts: Facts;
};
export type InTransaction = <T>(work: (stores: TrackStores) => Promise<T>) => Promise<T>;

/** Counts bytes that come and go. */
export interface Meter {
  uploaded(bytes: number): void;
  streaming(content: Readable): Readable;
}

/** What the verbs need. */
export type Deps = {
  tracks: TrackReads;
  /** What everyone may see is read through these. */
  shown: ReadThrough<Track | undefined>;
  waveforms: ReadThrough<number[] | null>;
  inTransaction: InTransaction;
  users: Users;
  texts: Texts;
  blobs: Blobs;
  recognition: Recognition;
  analysis: Analysis;
  streamUrls: StreamUrls;
  /** Tells listeners without an account apart for one day, and reveals nothing of them. */
  fingerprint: (origin: Origin, day: string) => string;
  meter: Meter;
  live: LiveEvents;
  limits: { file_bytes: number };
  quota_bytes: number;
  request_timeout_ms: number;
  now: () => Date;
};
