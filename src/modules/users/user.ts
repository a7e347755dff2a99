import type { AccountState, Role } from '#kernel/actor.ts';
import { refusal, sharedErrors } from '#kernel/errors.ts';

export type ProfileLink = { label: string; url: string };

/** What an account shows to everyone. */
export type Profile = {
  id: number;
  username: string;
  display_name: string | null;
  bio: string | null;
  links: ProfileLink[];
  counts: { tracks: number };
  version: number;
  created_at: string;
};

/** What an account shows to itself. */
export type OwnProfile = Profile & {
  email: string;
  role: Role;
  state: AccountState;
  storage_used_bytes: number;
  updated_at: string;
};

/** What signing in needs to know of an account. */
export type Account = {
  id: number;
  username: string;
  email: string;
  role: Role;
  state: AccountState;
  password_hash: string;
};

export type NewAccount = Pick<Account, 'username' | 'email' | 'password_hash'>;

/** Absent stays as it is, null clears. */
export type ProfileChanges = {
  display_name?: string | null | undefined;
  bio?: string | null | undefined;
  links?: ProfileLink[] | null | undefined;
};

export const userErrors = {
  notFound: sharedErrors.notFound,
  emailTaken: refusal('conflict', 'EMAIL_TAKEN', 'This e-mail address has an account already'),
  usernameTaken: refusal('conflict', 'USERNAME_TAKEN', 'This username is taken'),
};
