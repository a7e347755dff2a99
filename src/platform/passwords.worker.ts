import { hashSync, verifySync } from '@node-rs/argon2';

type PasswordTask = {
  password: string;
  hash?: string;
  parameters: { memoryCost: number; timeCost: number; parallelism: number };
};

/** Without a hash: the argon2id hash of the password. With one: whether it is the password's. */
export const work = ({ password, hash, parameters }: PasswordTask): string | boolean => {
  const normalised = password.normalize('NFKC');
  return hash === undefined ? hashSync(normalised, parameters) : verifySync(hash, normalised);
};
