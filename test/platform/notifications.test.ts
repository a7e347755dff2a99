import { setTimeout as wait } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createNotifications } from '#platform/postgres/notifications.ts';

it('a database that is away is told of once, however often it is asked', async () => {
  const warn = vi.fn();
  const url = 'postgres://veza@127.0.0.1:1/veza';
  const notifications = createNotifications({ url, channels: [], log: { warn } });
  onTestFinished(() => notifications.close());
  await expect.poll(() => warn.mock.calls.length).toBe(1);
  await wait(500);
  expect(warn).toHaveBeenCalledTimes(1);
});
