import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { StreamEventType } from '#proto/veza/stream/v1/stream_pb.ts';
import { rest } from '#test/calls.ts';
import { createTrack, createUser, PASSWORD, setReady, type TestUser } from '#test/factories.ts';
import { type GrpcApp, grpcApp, SERVICE_TOKEN } from '#test/grpc.ts';
import { createLiveEvents } from '#test/live-events.ts';

const repository = join(import.meta.dirname, '../..');
const ours = join(repository, 'node_modules');
const compiler = join(ours, 'typescript/bin/tsc');

/** What a web application has beside our package, and what a service has. */
const neighbours = ['@trpc', 'zod', '@grpc', '@bufbuild'];

let folder: string;
const { live, tell, listeners } = createLiveEvents();
let app: GrpcApp;
let user: TestUser;
let track_id: number;

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

const service = async () => {
  const { json } = await rest(app, `/tracks/${track_id}/stream-url`);
  return `
import { readFileSync } from 'node:fs';
import { createVezaServices, StreamEventType, VezaError, verifyStreamUrl } from 'veza-api/grpc';

const services = createVezaServices({
  address: '${app.address}',
  ca: readFileSync('${join(app.folder, 'grpc.crt')}'),
  service_token: '${SERVICE_TOKEN}',
});
const token = '${user.token}';
const { user } = await services.auth.validateToken({}, { token });
const name: string | undefined = user?.username;

const refused = await services.auth
  .validateToken({}, { token: 'nonsense' })
  .catch((fault: unknown) => (fault instanceof VezaError ? [fault.code, fault.status] : fault));

const url = '${json.data.url}';
const signed = verifyStreamUrl('${app.outside.secrets.stream}', url);
const forged = verifyStreamUrl('another secret', url);

const events = await services.stream.subscribeToStreamEvents({ trackIds: [${track_id}n] });
const heard: (StreamEventType | undefined)[] = [];
for await (const { event } of events) {
  heard.push(event?.type);
  if (heard.length === 2) break;
}
export const wrong = () => [
  // @ts-expect-error -- an id is a bigint
  services.auth.getUserInfo({ userId: 1 }),
  // @ts-expect-error -- there is no such method
  services.auth.becomeAdmin({}),
];
services.close();
console.log(JSON.stringify({ name, refused, signed: signed?.track_id, forged: forged ?? null, heard }));
`;
};

const compileUnder = async (
  file: string,
  module: string,
  moduleResolution: string,
): Promise<string> => {
  const config = `tsconfig.${moduleResolution}.json`;
  const compilerOptions = {
    target: 'ES2024',
    lib: ['ES2024', 'DOM'],
    types: file === 'service.ts' ? ['node'] : [],
    typeRoots: [join(ours, '@types')],
    module,
    moduleResolution,
    strict: true,
    skipLibCheck: true,
    noEmit: true,
  };
  const written = JSON.stringify({ compilerOptions, files: [file] });
  await writeFile(join(folder, config), written);
  return run(process.execPath, [compiler, '-p', config]);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'veza-client-package-'));
  const installed = install();
  app = await grpcApp({ live });
  user = await createUser(app);
  track_id = (await createTrack(app, user)).id;
  await setReady(app, track_id);
  await installed;
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(join(folder, 'program.ts'), program());
  await writeFile(join(folder, 'service.ts'), await service());
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  ['program.ts', 'NodeNext', 'NodeNext'],
  ['program.ts', 'ESNext', 'Bundler'],
  ['service.ts', 'NodeNext', 'NodeNext'],
])('%s type-checks with module %s, resolved as %s', async (file, module, moduleResolution) => {
  expect(await compileUnder(file, module, moduleResolution)).toBe('');
});

test('services run in Node: they validate a token, verify an address and hear of a track', async () => {
  const running = run(process.execPath, ['service.ts']);
  await expect.poll(listeners, { timeout: 30_000 }).toBe(1);
  tell({ name: 'track.ready', track_id });
  tell({ name: 'track.played', track_id });
  expect(JSON.parse(await running)).toEqual({
    name: user.username,
    refused: ['UNAUTHENTICATED', 'UNAUTHENTICATED'],
    signed: track_id,
    forged: null,
    heard: [StreamEventType.TRACK_READY, StreamEventType.TRACK_PLAYED],
  });
});

test('programs run in Node against the service', async () => {
  const told = await run(process.execPath, ['program.ts']);
  expect(JSON.parse(told)).toEqual({ name: user.username, tracks: 1, signed_in: true });
});

test('the package carries declarations and its own few modules, and no server', async () => {
  const built = join(folder, 'node_modules/veza-api');
  const files = await readdir(built, { recursive: true, withFileTypes: true });
  const code = files.filter(({ name }) => /(?<!\.d)\.[cm]?[jt]sx?$/.test(name));
  const home = join(built, 'dist/client/');
  const importsOf = async (folder: string): Promise<Set<string | undefined>> => {
    const own = code.filter(({ parentPath }) => parentPath.startsWith(home + folder));
    const texts = own.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8'));
    const imports = (await Promise.all(texts)).join('').matchAll(/from ['"](?!\.)(.+?)['"]/g);
    return new Set(Array.from(imports, ([, name]) => name));
  };
  expect(
    new Set(code.map(({ parentPath }) => parentPath.slice(home.length).split('/')[0])),
  ).toEqual(new Set(['client', 'grpc-client', 'proto']));
  expect(await importsOf('client')).toEqual(new Set(['@trpc/client', '@trpc/server/observable']));
  const outside = [...(await importsOf('grpc-client')), ...(await importsOf('proto'))];
  expect(outside.filter((name) => !name?.startsWith('#proto/'))).toEqual(
    outside.filter((name) =>
      /^(@grpc\/grpc-js|@bufbuild\/protobuf(\/.+)?|node:crypto)$/.test(name ?? ''),
    ),
  );
});
