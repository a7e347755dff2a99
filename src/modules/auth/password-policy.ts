import { invalidFields } from '#kernel/errors.ts';
import type { CommonPasswords } from './auth.ports.ts';

type Candidate = { password: string; username: string; email: string };

const contains = (password: string, part: string): boolean =>
  part.length >= 3 && password.toLowerCase().includes(part.toLowerCase());

/** What a schema cannot tell of a new password, judged in the form that is hashed; `field` is where it was given. */
export const assertStrong = async (
  { password, username, email }: Candidate,
  common: CommonPasswords,
  field: string,
): Promise<void> => {
  const hashed = password.normalize('NFKC');
  const name = email.slice(0, email.indexOf('@'));
  const problems: string[] = [];
  if (contains(hashed, username) || contains(hashed, name))
    problems.push('Must not contain the username or the e-mail name');
  if (await common.has(hashed)) problems.push('Is one of the commonly used passwords');
  if (problems.length > 0) throw invalidFields(problems.map((message) => ({ field, message })));
};
