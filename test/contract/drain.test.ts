import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { expect, it } from 'vitest';
import { drain } from '#platform/http/drain.ts';
import { startLoad } from '#test/load.ts';

const serve = async () => {
  const app = fastify();
  await app.register(drain);
  app.get('/', async () => 'done');
  app.get('/slow', () => new Promise((resolve) => setTimeout(() => resolve('done'), 1800)));
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { app, url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` };
};

it('a stop answers everyone who was let in, and says that it is the last answer', async () => {
  const { app, url } = await serve();
  const load = startLoad(url, 30, () => ({ path: '/' }));
  await expect.poll(() => load.samples.length, { timeout: 10_000 }).toBeGreaterThan(30);
  const asked = performance.now();
  const slow = fetch(`${url}/slow`);
  await app.drain(10_000);
  const samples = await load.stop();
  expect((await slow).status).toBe(200);
  const faults = samples.filter(({ fault }) => fault !== undefined);
  expect(faults.filter(({ fault, reused }) => reused || fault !== 'ECONNREFUSED')).toEqual([]);
  const after = samples.filter(({ sent_at, fault }) => sent_at > asked && fault === undefined);
  expect(after.length).toBeGreaterThan(30);
  expect(after.filter(({ status, closes }) => status !== 200 || !closes)).toEqual([]);
});

it('a stop ends at its deadline, whoever has not', async () => {
  const { app, url } = await serve();
  const slow = fetch(`${url}/slow`).then(
    () => 'answered',
    () => 'cut',
  );
  const began = performance.now();
  await app.drain(100);
  expect(await slow).toBe('cut');
  expect(performance.now() - began).toBeLessThan(1700);
});
