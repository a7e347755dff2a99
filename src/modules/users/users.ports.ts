import type { AuditTrail } from '#modules/audit/audit.events.ts';
import type { CacheTags } from '#kernel/cached.ts';
import type { Facts } from '#kernel/event.ts';
import type { Slice } from '#kernel/feed.ts';
import type { Preferences } from './preferences.ts';
import type { Account, NewAccount, OwnProfile, Profile, ProfileChanges } from './user.ts';

export interface UserStore {
  findOwnById(id: number): Promise<OwnProfile | undefined>;
  /** Accounts that are banned or deleted have no profile. */
  findProfileById(id: number): Promise<Profile | undefined>;
  /** Whether there is one, without reading it: asked with every range of a signed stream. */
  hasProfile(id: number): Promise<boolean>;
  findStorageUsed(id: number): Promise<number | undefined>;
  findManyProfiles(query: { q: string | undefined; slice: Slice }): Promise<Profile[]>;
  countProfiles(query: { q: string | undefined }): Promise<number>;
  /** Until the end of the transaction nobody else changes this user. */
  lockOneById(id: number): Promise<OwnProfile | undefined>;
  updateOne(id: number, changes: ProfileChanges): Promise<OwnProfile>;
}

export type BlockedUser = { id: number; username: string; blocked_at: string };

/** How accounts stand to each other, and what they want of the service. */
export interface RelationStore {
  findPreferences(id: number): Promise<Preferences | undefined>;
  updatePreferences(id: number, preferences: Preferences): Promise<void>;
  findManyBlocked(id: number, slice: Slice): Promise<(BlockedUser & { created_at: string })[]>;
  countBlocked(id: number): Promise<number>;
  /** Whether anything has changed. */
  insertBlock(id: number, blocked_id: number): Promise<boolean>;
  removeBlock(id: number, blocked_id: number): Promise<boolean>;
  /** Whether either has blocked the other. */
  areBlocked(id: number, other_id: number): Promise<boolean>;
}

/** The part of an account that signing in needs. */
export interface AccountStore {
  /** By e-mail address or username, without regard to case. */
  findOneByLogin(login: { email: string } | { username: string }): Promise<Account | undefined>;
  lockOneById(id: number): Promise<Account | undefined>;
  /** Refuses an e-mail address or a username that is taken. */
  insertOne(account: NewAccount): Promise<Account>;
  updatePasswordHash(id: number, password_hash: string): Promise<void>;
}

/** Says which texts may be kept. */
export interface Texts {
  /** How texts are to be written instead, by field; refuses those that may not be kept, naming their fields. */
  vet(
    texts: readonly { field: string; scope: 'name' | 'bio' | 'title'; text: string }[],
    about: { author_id: number; subject: { kind: string; id: number } },
  ): Promise<Readonly<Record<string, string>>>;
}

export type UserStores = {
  users: UserStore & RelationStore;
  audit: AuditTrail;
  facts: Facts;
  cache: CacheTags;
};
export type InTransaction = <T>(work: (stores: UserStores) => Promise<T>) => Promise<T>;
