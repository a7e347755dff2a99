// node test/faults/memory.run.ts: memory of the service under twenty large uploads, and its pulse while junk arrives.
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { createWav } from '#test/factories.ts';
import { percentile_ms, print, slowest_ms, startLoad } from '#test/load.ts';
import { fileForm, peakMemory_mib, type Service, signUp, startService } from '#test/service.ts';

const UPLOADS = 20;
const PULSE_MS = 20;
const SIZE = 100 * 1024 * 1024;
const noise = randomBytes(1024 * 1024);

/** The header of a long recording, and then noise that begins differently for each. */
async function* recording(n: number) {
  yield '--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
  const header = createWav(0);
  header.writeUInt32LE(36 + SIZE - 44, 4);
  header.writeUInt32LE(SIZE - 44, 40);
  yield header;
  yield Buffer.alloc(4, n + 1);
  for (let left = SIZE - 48; left > 0; left -= noise.length)
    yield noise.subarray(0, Math.min(left, noise.length));
  yield '\r\n--b--\r\n';
}

const upload = async (url: string, token: string, n: number): Promise<number> => {
  const uploading = request(`${url}/api/v1/tracks`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'multipart/form-data; boundary=b',
      'transfer-encoding': 'chunked',
    },
  });
  const answered = new Promise<number>((resolve, reject) => {
    uploading.on('error', reject).on('response', (answer) => {
      text(answer).then(() => resolve(answer.statusCode ?? 0), reject);
    });
  });
  for await (const chunk of recording(n))
    if (!uploading.write(chunk)) await new Promise((resolve) => uploading.once('drain', resolve));
  uploading.end();
  return answered;
};

const pulseOf = async (service: Service, work: () => Promise<unknown>) => {
  const load = startLoad(service.url, 1, () => ({ path: '/live' }), PULSE_MS);
  const result = await work();
  return { result, samples: await load.stop() };
};

const junk = async (service: Service, token: string) => {
  const content = Buffer.alloc(1024 * 1024, 0xff);
  const headers = { authorization: `Bearer ${token}` };
  const post = async (bytes: Buffer) => {
    const body = fileForm(bytes, 'a.mp3');
    const answer = await fetch(`${service.url}/api/v1/tracks`, { method: 'POST', headers, body });
    const { data, error } = (await answer.json()) as {
      data?: { id: number };
      error?: { code: string };
    };
    if (!data) return `${answer.status} ${error?.code}`;
    for (;;) {
      const read = await fetch(`${service.url}/api/v1/tracks/${data.id}`, { headers });
      const { data: track } = (await read.json()) as { data: Record<string, string> };
      if (track['status'] !== 'processing') return `${track['status']} ${track['failure_code']}`;
      await wait(50);
    }
  };
  const tagged = Buffer.concat([
    Buffer.from('ID3\u0003\0\0\0\0\0\0\u00ff\u00fb\u0090\u0064', 'latin1'),
    Buffer.alloc(413),
    Buffer.from('\u00ff\u00fb\u0090\u0064', 'latin1'),
    Buffer.alloc(413),
    content,
  ]);
  return [await post(content), await post(tagged)];
};

const folder = await mkdtemp(join(tmpdir(), 'veza-run-'));
try {
  // Analysis runs in children of its own, and would only compete for the two cores.
  const service = await startService(folder, { QUEUE_CONCURRENCY: '1' });
  const { token } = await signUp(service.url);
  print(`peak before: ${peakMemory_mib(service.pid).toFixed(0)} MiB`);
  const fed = await pulseOf(service, () => junk(service, token));
  print(`1 MiB of 0xFF, bare and behind a header: ${JSON.stringify(fed.result)}`);
  print(
    `  /live: ${fed.samples.length} asked, p99 ${percentile_ms(fed.samples, 0.99)} ms, slowest ${slowest_ms(fed.samples)} ms`,
  );
  const began = performance.now();
  const loaded = await pulseOf(service, () =>
    Promise.all(Array.from({ length: UPLOADS }, (_, n) => upload(service.url, token, n))),
  );
  const seconds = (performance.now() - began) / 1000;
  print(`${UPLOADS} uploads of 100 MiB at once: ${JSON.stringify(loaded.result)}`);
  print(`  ${seconds.toFixed(1)} s, ${((UPLOADS * SIZE) / 2 ** 20 / seconds).toFixed(0)} MiB/s`);
  print(
    `  /live: p99 ${percentile_ms(loaded.samples, 0.99)} ms, slowest ${slowest_ms(loaded.samples)} ms`,
  );
  print(`  peak of the service: ${peakMemory_mib(service.pid).toFixed(0)} MiB (under 400)`);
  print(`exit ${JSON.stringify(await service.stop())}`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
