import { expect, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { rest, trpc } from '#test/calls.ts';
import { createUser } from '#test/factories.ts';

const TIMEOUT_MS = 800;

const app = await testApp({
  environment: { REQUEST_TIMEOUT: `${TIMEOUT_MS}ms`, DATABASE_POOL_MAX: '2' },
});
const { pool } = app.outside;

/** One connection for `late_ms` later and for one statement only: what comes after waits in vain. */
const starve = async (late_ms: number) => {
  const held = await Promise.all([pool.connect(), pool.connect()]);
  const begin = () => {
    const again = pool.connect();
    setTimeout(() => held.pop()?.release(), late_ms);
    return again;
  };
  return { held, begin };
};

it.each([
  ['REST', (token: string) => rest(app, '/users/me', { token })],
  ['tRPC', (token: string) => trpc(app, 'users.me', { token })],
])('learning who calls and the call itself share one deadline, on %s', async (_, call) => {
  const { token } = await createUser(app);
  const { held, begin } = await starve(TIMEOUT_MS / 2);
  const began = performance.now();
  const answering = call(token);
  await expect.poll(() => pool.waitingCount, { interval: 1 }).toBe(1);
  const again = begin();
  const { status, headers } = await answering;
  const took_ms = performance.now() - began;
  for (const client of [...held, await again]) client.release();
  expect([status, headers['retry-after']]).toEqual([503, '1']);
  expect(took_ms).toBeGreaterThan(TIMEOUT_MS / 2);
  expect(took_ms).toBeLessThan(1.4 * TIMEOUT_MS);
});
