import { invalidFields } from '#kernel/errors.ts';
import type { CommonPasswords } from './auth.ports.ts';

type Candidate = { password: string; username: string; email: string };

const contains = (password: string, part: string): boolean =>
  part.length >= 3 && password.toLowerCase().includes(part.toLowerCase());

/** What a schema cannot tell of a new password; `field` is where it was given. */
export const assertStrong = async (
  { password, username, email }: Candidate,
  common: CommonPasswords,
  field: string,
): Promise<void> => {
  const name = email.slice(0, email.indexOf('@'));
  if (contains(password, username) || contains(password, name))
    throw invalidFields([{ field, message: 'Must not contain the username or the e-mail name' }]);
  if (await common.has(password))
    throw invalidFields([{ field, message: 'Is one of the commonly used passwords' }]);
};
