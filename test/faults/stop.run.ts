// node test/faults/stop.run.ts: whether a stop under load fails a request or an upload, and how long it takes.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { createWav } from '#test/factories.ts';
import { countBy, print, type Sample, slowest_ms, startLoad } from '#test/load.ts';
import { signUp, startService } from '#test/service.ts';

const CLIENTS = 100;
const UPLOAD_MS = 6000;
const STEPS = 30;

/** A form whose file comes in thirty pieces over six seconds. */
const slowUpload = async (url: string, token: string) => {
  const content = createWav(60);
  const head = Buffer.from(
    '--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n',
  );
  const tail = Buffer.from('\r\n--b--\r\n');
  const uploading = request(`${url}/api/v1/tracks`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'multipart/form-data; boundary=b',
      'content-length': head.length + content.length + tail.length,
    },
  });
  const answered = once(uploading, 'response');
  answered.catch(() => undefined);
  uploading.write(head);
  const step = Math.ceil(content.length / STEPS);
  for (let start = 0; start < content.length; start += step) {
    uploading.write(content.subarray(start, start + step));
    await wait(UPLOAD_MS / STEPS);
  }
  uploading.end(tail);
  const [answer] = await answered;
  const body = await text(answer);
  return {
    status: answer.statusCode as number,
    size: JSON.parse(body).data?.size_bytes === content.length,
  };
};

/** A new connection that is refused is the end of the service; everything else without an answer is a failure. */
const isFailure = ({ fault, reused, status }: Sample): boolean =>
  status >= 500 || (fault !== undefined && (reused || fault !== 'ECONNREFUSED'));

const folder = await mkdtemp(join(tmpdir(), 'veza-run-'));
try {
  const service = await startService(folder);
  const users = await Promise.all(Array.from({ length: 4 }, () => signUp(service.url)));
  const token = (client: number) => users[client % users.length]?.token ?? '';
  const load = startLoad(service.url, CLIENTS, (client) => ({
    path: client % 2 === 0 ? '/api/v1/users/me' : '/api/v1/tracks',
    token: token(client),
  }));
  const ready = startLoad(service.url, 1, () => ({ path: '/ready' }));
  await wait(4000);
  const uploads = [0, 1, 2].map((n) => slowUpload(service.url, token(n)).catch(String));
  await wait(1000);
  const asked = performance.now();
  const exit = await service.stop();
  const took_ms = performance.now() - asked;
  const [samples, readiness] = [await load.stop(), await ready.stop()];

  const after = samples.filter(({ sent_at, ms }) => sent_at + ms > asked);
  const announced = readiness.find(({ status }) => status === 503);
  print(`answers before ${samples.length - after.length}, after the signal ${after.length}`);
  print(
    `after: ${JSON.stringify(countBy(after, ({ status, fault, reused }) => (fault ? `${fault} ${reused ? 'reused' : 'new'}` : status)))}`,
  );
  print(
    `failed requests: ${after.filter(isFailure).length} (before: ${samples.filter((s) => !after.includes(s) && isFailure(s)).length}); slowest ${slowest_ms(after)} ms`,
  );
  print(
    `answers without "Connection: close" after the signal: ${after.filter(({ sent_at, fault, closes }) => sent_at > asked && !fault && !closes).length}`,
  );
  print(
    `not ready after ${((announced?.sent_at ?? Number.NaN) + (announced?.ms ?? 0) - asked).toFixed(0)} ms`,
  );
  print(`uploads: ${JSON.stringify(await Promise.all(uploads))}`);
  print(`exit ${JSON.stringify(exit)} after ${took_ms.toFixed(0)} ms`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
