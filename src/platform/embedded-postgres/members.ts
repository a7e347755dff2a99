import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sweep } from './lock.ts';
import { createSignature } from './process-identity.ts';

/** Who uses the server of a folder. A member that was killed counts no more; call these under the lock. */
export const createMembers = async (folder: string) => {
  const members = join(folder, 'members');
  await mkdir(members, { recursive: true });
  return {
    count: () => sweep(members),
    /** @returns the way to leave */
    add: async () => {
      const card = join(members, await createSignature());
      await writeFile(card, '');
      return () => rm(card, { force: true });
    },
  };
};
