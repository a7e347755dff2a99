import { setTimeout as wait } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { withDeadline } from '#kernel/deadline.ts';
import { cacheGround } from '#test/cache.ts';

const { open } = await cacheGround();
const { cache } = await open();

it('who waits for a load keeps their own deadline, and the load goes on for those who have time', async () => {
  const kind = cache.kind<string>({
    name: 'slow',
    schema: 1,
    floor_ms: 60_000,
    ceiling_ms: 60_000,
  });
  const load = vi.fn(async () => {
    await wait(1000);
    return { value: 'here', tags: ['thing:1'] };
  });
  const began = performance.now();
  const hurried = withDeadline(100, async () => kind.get(1, load));
  const patient = withDeadline(9000, async () => kind.get(1, load));
  await expect(hurried).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    retry_after_seconds: 1,
  });
  expect(performance.now() - began).toBeLessThan(900);
  expect(await patient).toBe('here');
  expect(load).toHaveBeenCalledTimes(1);
});
