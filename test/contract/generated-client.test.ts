import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { generate } from 'orval';
import { afterAll, expect, it } from 'vitest';
import { documentFile } from '#api/reference.ts';
import { testApp } from '#test/app.ts';
import { createUser, createWav } from '#test/factories.ts';

const root = new URL('../..', import.meta.url).pathname;
const folder = await mkdtemp(join(tmpdir(), 'veza-client-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const app = await testApp();
app.http.server.listen({ host: '127.0.0.1', port: 0 });
await once(app.http.server, 'listening');
const { port } = app.http.server.address() as AddressInfo;

const client = join(folder, 'client.ts');

/** What the test uses of the generated client; that the rest has the right types is for the compiler. */
type Answered = Promise<{
  status: number;
  data: { data: Record<string, unknown>; error: { code: string } };
}>;
type Client = {
  authMe: (options: RequestInit) => Answered;
  tracksUpload: (body: object, options: RequestInit) => Answered;
  tracksById: (id: number, options?: RequestInit) => Answered;
};

const compile = async (): Promise<void> => {
  const options = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { rootDir: folder, types: [], lib: ['ES2024', 'DOM', 'DOM.Iterable'] },
    include: [client],
  };
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(options));
  const tsc = join(root, 'node_modules/.bin/tsc');
  await promisify(execFile)(tsc, ['-p', folder], { timeout: 30_000 });
};

it('a client generated from the document compiles and is understood', async () => {
  const baseUrl = `http://127.0.0.1:${port}/api/v1`;
  await generate({
    input: { target: documentFile.pathname },
    output: { target: client, client: 'fetch', baseUrl },
  });
  await compile();
  const { authMe, tracksUpload, tracksById } = (await import(client)) as Client;

  const user = await createUser(app);
  const signedIn = { headers: { authorization: `Bearer ${user.token}` } };
  const me = await authMe(signedIn);
  expect([me.status, me.data.data['user']]).toEqual([
    200,
    expect.objectContaining({ id: user.id }),
  ]);

  const file = new Blob([new Uint8Array(createWav())], { type: 'audio/wav' });
  const body = {
    file,
    title: 'From a client',
    tags: ['a', 'b'],
    is_downloadable: true,
    year: 2026,
  };
  const uploaded = await tracksUpload(body, signedIn);
  expect(uploaded.status).toBe(201);
  expect(uploaded.data.data).toMatchObject({
    title: 'From a client',
    tags: ['a', 'b'],
    year: 2026,
  });

  const hidden = await tracksById(Number(uploaded.data.data['id']));
  expect([hidden.status, hidden.data.error.code]).toEqual([404, 'NOT_FOUND']);
}, 60_000);
