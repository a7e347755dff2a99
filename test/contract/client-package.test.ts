import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createUser, PASSWORD, type TestUser } from '#test/factories.ts';
import { type ListeningApp, listeningApp } from '#test/listening.ts';

const repository = join(import.meta.dirname, '../..');
const ours = join(repository, 'node_modules');
const compiler = join(ours, 'typescript/bin/tsc');

/** What a web application has beside our package. */
const neighbours = ['@trpc', 'zod'];

let folder: string;
let app: ListeningApp;
let user: TestUser;

const run = async (command: string, parameters: string[], cwd = folder): Promise<string> => {
  const options = { cwd, timeout: 60_000 };
  const told = await promisify(execFile)(command, parameters, options).catch(
    (fault: { stdout: string; stderr: string }) => expect.unreachable(fault.stdout + fault.stderr),
  );
  return told.stdout;
};

const install = async (): Promise<void> => {
  const packed = await run('npm', ['pack', '--pack-destination', folder], repository);
  const tarball = packed.trim().split('\n').at(-1) ?? '';
  const target = join(folder, 'node_modules/veza-api');
  await mkdir(target, { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1']);
  for (const name of neighbours)
    await symlink(join(ours, name), join(folder, 'node_modules', name));
};

const program = () => `
import { createVezaClient, type Outputs } from 'veza-api/client';

const { api, signedIn } = createVezaClient({ url: ${JSON.stringify(app.url)} });
await api.auth.login.mutate({ email: '${user.email}', password: '${PASSWORD}' });
const me: Outputs['users']['me'] = await api.users.me.query();
const name: string = me.username;
const data: { id: number; visibility: 'private' | 'unlisted' | 'public' }[] = (await api.tracks.list.query()).data;
export const refused = () => [
  // @ts-expect-error -- an id is a number
  api.users.byId.query({ id: '1' }),
  // @ts-expect-error -- there is no such field
  me.password_hash,
  // @ts-expect-error -- there is no such operation
  api.users.erase.mutate(),
  // @ts-expect-error -- an upload is a form
  api.tracks.upload.mutate({ title: 'Noise' }),
];
console.log(JSON.stringify({ name, tracks: data.length, signed_in: signedIn() }));
`;

const compileUnder = async (module: string, moduleResolution: string): Promise<string> => {
  const config = `tsconfig.${moduleResolution}.json`;
  const compilerOptions = {
    target: 'ES2024',
    lib: ['ES2024', 'DOM'],
    types: [],
    module,
    moduleResolution,
    strict: true,
    skipLibCheck: true,
    noEmit: true,
  };
  const written = JSON.stringify({ compilerOptions, files: ['program.ts'] });
  await writeFile(join(folder, config), written);
  return run(process.execPath, [compiler, '-p', config]);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'veza-client-package-'));
  const installed = install();
  app = await listeningApp();
  user = await createUser(app);
  await installed;
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(join(folder, 'program.ts'), program());
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  ['NodeNext', 'NodeNext'],
  ['ESNext', 'Bundler'],
])('programs type-check with module %s, resolved as %s', async (module, moduleResolution) => {
  expect(await compileUnder(module, moduleResolution)).toBe('');
});

test('programs run in Node against the service', async () => {
  const told = await run(process.execPath, ['program.ts']);
  expect(JSON.parse(told)).toEqual({ name: user.username, tracks: 0, signed_in: true });
});

test('the package carries declarations and its own few modules, and no server', async () => {
  const built = join(folder, 'node_modules/veza-api');
  const files = await readdir(built, { recursive: true, withFileTypes: true });
  const code = files.filter(({ name }) => /(?<!\.d)\.[cm]?[jt]sx?$/.test(name));
  expect(code.map(({ parentPath }) => parentPath)).toEqual(
    code.map(() => join(built, 'dist/client/client')),
  );
  const texts = code.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8'));
  const imports = (await Promise.all(texts)).join('').matchAll(/from '(?!\.\/)(.+?)'/g);
  expect(new Set(Array.from(imports, ([, name]) => name))).toEqual(
    new Set(['@trpc/client', '@trpc/server/observable']),
  );
});
