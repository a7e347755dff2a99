import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { embeddedPostgresErrors } from './errors.ts';

/** Passwords by role: the superuser, the owner of the database, and whoever only reads and writes rows. */
const credentialsSchema = z.object({
  postgres: z.string(),
  veza_migrate: z.string(),
  veza_app: z.string(),
});
export type Credentials = z.infer<typeof credentialsSchema>;

const createPassword = () => randomBytes(24).toString('base64url');

export const createCredentials = (): Credentials => ({
  postgres: createPassword(),
  veza_migrate: createPassword(),
  veza_app: createPassword(),
});

const pathIn = (folder: string) => join(folder, 'credentials.json');

export const saveCredentials = async (folder: string, credentials: Credentials): Promise<void> => {
  const draft = `${pathIn(folder)}.new`;
  await writeFile(draft, JSON.stringify(credentials, null, 2), { mode: 0o600, flush: true });
  await rename(draft, pathIn(folder));
};

export const readCredentials = async (folder: string): Promise<Credentials> => {
  try {
    return credentialsSchema.parse(JSON.parse(await readFile(pathIn(folder), 'utf8')));
  } catch (cause) {
    const message = `${pathIn(folder)}, without which its database cannot be opened, is missing or damaged`;
    throw embeddedPostgresErrors.unusable({ message, cause });
  }
};

type Address = { role: keyof Credentials; port: number; database: string };

/** States `sslmode`, so that no PGSSLMODE of the environment asks for what a local server does not have. */
export const createUrl = (credentials: Credentials, { role, port, database }: Address): string =>
  `postgresql://${role}:${credentials[role]}@127.0.0.1:${port}/${database}?sslmode=disable`;
