import { Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { expect, it, vi } from 'vitest';
import { serveHealth } from '#api/grpc/health.ts';

it('never says again that it serves, whatever was being looked at when it left', async () => {
  const shown = vi.spyOn(HealthImplementation.prototype, 'setStatus');
  const ready = Promise.withResolvers<boolean>();
  const health = serveHealth(new Server(), { names: [], isReady: () => ready.promise });
  const looking = health.look();
  health.leave();
  ready.resolve(true);
  await looking;
  expect(shown.mock.calls).toEqual([['', 'NOT_SERVING']]);
});
