import type { Member } from '#kernel/actor.ts';
import type { MemberStore } from './auth.ports.ts';

type Known = Member & { expires_at: string };
type Claims = { session_id: number; user_id: number };

/** Tells of ended sessions and changed accounts, whichever process changed them. */
export interface Changes {
  /** Whether everything committed until a second ago has been heard. */
  isAlive(): boolean;
  onSession(hear: (session_id: number) => void): void;
  onUser(hear: (user_id: number) => void): void;
  onGap(recover: () => void): void;
}

/** What is remembered of who is signed in, bounded: the least used are dropped, and told of. */
export interface Memory<V> {
  get(key: number): V | undefined;
  set(key: number, value: V): void;
  delete(key: number): void;
  clear(): void;
}

type Deps = {
  members: MemberStore;
  createMemory: (dropped: (session_id: number, known: Known) => void) => Memory<Known>;
  changes: Changes;
  now: () => Date;
};

/** Sessions of a user, as far as they are remembered. */
const createIndex = () => {
  const sessions = new Map<number, Set<number>>();
  return {
    add: (user_id: number, session_id: number) =>
      void sessions.set(user_id, (sessions.get(user_id) ?? new Set()).add(session_id)),
    remove(user_id: number, session_id: number): void {
      const left = sessions.get(user_id);
      left?.delete(session_id);
      if (left?.size === 0) sessions.delete(user_id);
    },
    take(user_id: number): Iterable<number> {
      const taken = sessions.get(user_id) ?? [];
      sessions.delete(user_id);
      return taken;
    },
  };
};

/**
 * The member behind a token's claims, as the account is now: from memory while changes are heard, from the
 * database otherwise. An answer that was read while something changed is used once and not remembered.
 */
export const createIdentification = ({ members, createMemory, changes, now }: Deps) => {
  const index = createIndex();
  const memory = createMemory((session_id, { user_id }) => index.remove(user_id, session_id));
  let changed = 0;

  const forgetSession = (session_id: number): void => {
    changed += 1;
    memory.delete(session_id);
  };
  const forgetUser = (user_id: number): void => {
    changed += 1;
    for (const session_id of index.take(user_id)) memory.delete(session_id);
  };
  changes.onSession(forgetSession);
  changes.onUser(forgetUser);
  changes.onGap(() => {
    changed += 1;
    memory.clear();
  });

  const isOver = ({ expires_at }: Known): boolean => Date.parse(expires_at) <= now().getTime();

  const read = async ({ session_id, user_id }: Claims): Promise<Member | undefined> => {
    const before = changed;
    const member = await members.findMember(session_id);
    if (member?.user_id !== user_id || isOver(member)) return undefined;
    if (before === changed && changes.isAlive()) {
      memory.set(session_id, member);
      index.add(user_id, session_id);
    }
    return member;
  };

  return {
    memberOf(claims: Claims): Member | undefined | Promise<Member | undefined> {
      const known = changes.isAlive() ? memory.get(claims.session_id) : undefined;
      if (known === undefined) return read(claims);
      return isOver(known) ? undefined : known;
    },
    forget(ended: { user_id: number } | { session_ids: readonly number[] }): void {
      if ('user_id' in ended) forgetUser(ended.user_id);
      else for (const session_id of ended.session_ids) forgetSession(session_id);
    },
  };
};
