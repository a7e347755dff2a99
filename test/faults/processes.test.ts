import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { createLocalBlobStore } from '#platform/storage/local.ts';
import { findServer, removeFolder } from '#test/embedded-postgres.ts';
import { createWav } from '#test/factories.ts';
import { fileForm, type Service, signUp, startService } from '#test/service.ts';

/** A service starts in two seconds; on a machine under load, in several. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let folder: string;
const running: Service[] = [];

const start = async (): Promise<Service> => {
  const service = await startService(folder);
  running.push(service);
  return service;
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'veza-test-'));
});
afterEach(async () => {
  for (const service of running.splice(0)) {
    service.signal('SIGKILL');
    await service.exited;
  }
});
afterAll(async () => {
  await removeFolder(join(folder, 'postgres'));
  await rm(folder, { recursive: true, force: true });
});

const api = async (service: Service, path: string, token?: string, body?: FormData) => {
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const answer = await fetch(`${service.url}/api/v1${path}`, {
    headers,
    ...(body && { method: 'POST', body }),
  });
  // oxlint-disable-next-line typescript/no-explicit-any -- what a test expects of a body is what it asserts
  return { status: answer.status, json: (await answer.json()) as any };
};

const staged = () => readdir(join(folder, 'files', 'tmp')).catch(() => []);

/** Sends the beginning of a form with a file, and then nothing. */
const beginUpload = (service: Service, token: string) => {
  const uploading = request(`${service.url}/api/v1/tracks`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'multipart/form-data; boundary=b',
      'content-length': 1_000_000,
    },
  });
  uploading.on('error', () => undefined);
  uploading.write('--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n');
  uploading.write(createWav(20));
};

it('an upload whose process is killed leaves no row, and its bytes are swept', async () => {
  const killed = await start();
  const { token } = await signUp(killed.url);
  beginUpload(killed, token);
  await expect.poll(staged).toHaveLength(1);
  killed.signal('SIGKILL');
  expect(await killed.exited).toEqual({ code: null, signal: 'SIGKILL' });

  const next = await start();
  const mine = await api(next, '/users/me/tracks', token);
  expect([mine.status, mine.json.data]).toEqual([200, []]);
  const { storage_used_bytes } = (await api(next, '/users/me', token)).json.data;
  expect(storage_used_bytes).toBe(0);
  expect(await staged()).toHaveLength(1);
  const blobs = createLocalBlobStore({ folder: join(folder, 'files') });
  expect(await blobs.sweep({ older_than_ms: 0 })).toBe(1);
  expect(await staged()).toEqual([]);
  expect(await readdir(join(folder, 'files'))).toEqual(['tmp']);
});

it('two processes of one folder share its database, and the last to stop stops it', async () => {
  const [first, second] = await Promise.all([start(), start()]);
  const { token } = await signUp(first.url);
  const uploaded = await api(first, '/tracks', token, fileForm(createWav()));
  expect(uploaded.status).toBe(201);
  const { id } = uploaded.json.data;
  expect((await api(second, `/tracks/${id}`, token)).json.data.id).toBe(id);

  expect(await first.stop()).toEqual({ code: 0, signal: null });
  expect((await fetch(`${second.url}/ready`)).status).toBe(200);
  expect((await api(second, '/tracks', token, fileForm(createWav()))).status).toBe(201);
  expect(await findServer(join(folder, 'postgres'))).toBeDefined();

  expect(await second.stop()).toEqual({ code: 0, signal: null });
  expect(await findServer(join(folder, 'postgres'))).toBeUndefined();
});

it('a service whose log nobody reads any more still stops', async () => {
  const service = await start();
  service.leaveLog();
  expect(await service.stop()).toEqual({ code: 0, signal: null });
});

it('a start on a port that is taken is refused, and leaves no server behind', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const refused = startService(folder, { PORT: String(port) });
  await expect(refused).rejects.toThrow(`PORT ${port} is in use; 0 takes a free one`);
  expect(await findServer(join(folder, 'postgres'))).toBeUndefined();
  taken.close();
});

it('a start with a certificate that cannot be read is refused by the name of its variable', async () => {
  const files = { GRPC_TLS_CERT: join(folder, 'none.crt'), GRPC_TLS_KEY: join(folder, 'none.key') };
  await expect(startService(folder, files)).rejects.toThrow(/GRPC_TLS_(CERT|KEY) cannot be read: /);
});
