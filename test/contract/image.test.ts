import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const repository = join(import.meta.dirname, '../..');
const read = (name: string): Promise<string> => readFile(join(repository, name), 'utf8');

test('the image starts the service as `npm start` does', async () => {
  const { scripts } = JSON.parse(await read('package.json')) as { scripts: { start: string } };
  const [, command = '[]'] = /^CMD (.+)$/m.exec(await read('Dockerfile')) ?? [];
  expect(`exec ${(JSON.parse(command) as string[]).join(' ')}`).toBe(scripts.start);
});

test('all that the image is to carry is there', async () => {
  const kept = Array.from((await read('.dockerignore')).matchAll(/^!(.+)$/gm), ([, name]) => name);
  expect(kept).toContain('src');
  for (const name of kept) await access(join(repository, name ?? ''));
});
