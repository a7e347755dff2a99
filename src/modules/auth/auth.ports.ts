import type { Member, Role, AccountState } from '#kernel/actor.ts';
import type { Facts } from '#kernel/event.ts';
import type { AuditTrail, RefusalAudit } from '#modules/audit/audit.events.ts';
import type { FoundToken, NewSession, Session, SessionEnd } from './session.ts';
import type { TakeTurn } from './turns.ts';

/** An account as signing in sees it. */
export type Account = {
  id: number;
  username: string;
  email: string;
  role: Role;
  state: AccountState;
  password_hash: string;
};

export type Login = { email: string } | { username: string };

/** What this module needs of the one that keeps accounts. */
export interface Accounts {
  findOneByLogin(login: Login): Promise<Account | undefined>;
  lockOneById(id: number): Promise<Account | undefined>;
  insertOne(account: Pick<Account, 'username' | 'email' | 'password_hash'>): Promise<Account>;
  updatePasswordHash(id: number, password_hash: string): Promise<void>;
}

export interface SessionStore {
  insertOne(session: NewSession, token_hash: Buffer): Promise<Session>;
  /** Sessions that have neither ended nor expired, newest first; those unused for `idle_ms` have expired. */
  findManyLive(user_id: number, now: Date, idle_ms: number): Promise<Session[]>;
  /** Ends those that are live, tells every process at commit, and answers which they were. */
  endMany(which: Ending): Promise<number[]>;
  /** Locks the session, so that one caller at a time decides about its tokens. */
  lockToken(token_hash: Buffer): Promise<FoundToken | undefined>;
  isLive(token_hash: Buffer): Promise<boolean>;
  rotate(used: Buffer, next: Buffer, at: Date): Promise<void>;
  touchOne(id: number, at: Date): Promise<void>;
}

export type Ending = { user_id: number; by: SessionEnd; at: Date } & (
  | { only: readonly number[] }
  | { except: number | undefined }
);

/** Guesses at a password, by whom they are counted for. */
export interface LoginAttempts {
  /** Whether the attempt may be made; it counts as failed until it is forgiven. */
  begin(key: string, at: Date): Promise<boolean>;
  forgive(key: string): Promise<void>;
}

/** Who is behind a session right now; undefined when it has ended or its account may not sign in. */
export interface MemberStore {
  findMember(session_id: number): Promise<(Member & { expires_at: string }) | undefined>;
}

export interface Passwords {
  hash(password: string): Promise<string>;
  matches(password: string, hash: string | undefined): Promise<boolean>;
  isOutdated(hash: string): boolean;
}

export interface AccessTokens {
  readonly expires_in_seconds: number;
  sign(claims: {
    user_id: number;
    session_id: number;
    username: string;
    role: string;
  }): Promise<string>;
}

/** The secrets of signing in that are worked out instead of stored. */
export interface TokenMint {
  /** A first refresh token: 256 random bits. */
  first(): string;
  /** What may follow a refresh token: always the same one, under each secret that is in use, today's first. */
  successors(token: string): readonly string[];
  digest(token: string): Buffer;
  newDeviceId(): string;
  deviceToken(user_id: number, device_id: string): string;
  /** The device id of a token that was made for this user. */
  deviceIdIn(token: string, user_id: number): string | undefined;
}

export interface CommonPasswords {
  has(password: string): Promise<boolean>;
}

/** Says which texts may be kept. */
export interface Texts {
  /** Refuses those that may not, naming their fields. */
  vet(
    texts: readonly { field: string; scope: 'name'; text: string }[],
    about: { author_id: null; subject: { kind: string; id: null } },
  ): Promise<unknown>;
}

export type AuthStores = {
  accounts: Accounts;
  sessions: SessionStore;
  audit: AuditTrail;
  facts: Facts;
};
export type InTransaction = <T>(work: (stores: AuthStores) => Promise<T>) => Promise<T>;

export interface ResourceRights {
  /** Whether the actor may do so with this one; of an absent one nothing. */
  allows(actor: Member, action: string, id: number): Promise<boolean>;
}

/** What the verbs need; `P` is the profile that the neighbour shows an account of itself. */
export type Deps<P> = {
  accounts: Pick<Accounts, 'findOneByLogin'>;
  sessions: Pick<SessionStore, 'findManyLive'>;
  members: MemberStore;
  attempts: LoginAttempts;
  takeTurn: TakeTurn;
  inTransaction: InTransaction;
  profileOf: (user_id: number) => Promise<P>;
  /** Any account, whatever became of it. */
  accountOf: (user_id: number) => Promise<Pick<Account, 'username' | 'role' | 'state'>>;
  /** Rules of single resources, by the name of their kind. */
  rights: Readonly<Record<string, ResourceRights>>;
  passwords: Passwords;
  common: CommonPasswords;
  access: AccessTokens;
  mint: TokenMint;
  refusals: RefusalAudit;
  texts: Texts;
  /** Drops what this process remembers, so that its next call sees the change. */
  forget: (ended: { user_id: number } | { session_ids: readonly number[] }) => void;
  lifetimes: { session_ms: number; refresh_ms: number };
  /** Whether a refresh uses its token up. */
  rotates: boolean;
  now: () => Date;
};
