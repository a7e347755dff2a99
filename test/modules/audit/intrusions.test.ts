import { expect, test } from 'vitest';
import { testApp } from '#test/app.ts';
import { http, rest } from '#test/calls.ts';
import { createClock, MINUTE } from '#test/clock.ts';

const clock = createClock();
const app = await testApp({ now: clock.now });

/** Refusals are written when their minute is over. */
const settle = (): void => clock.advance(MINUTE);

const reasonsOf = async (ip_address: string): Promise<string[]> => {
  const { rows } = await app.outside.pool.query(
    `select details ->> 'reason' as reason from audit_records join audit_origins on record_id = id
     where event_type = 'intrusion_attempt' and ip_address = $1`,
    [ip_address],
  );
  return rows.map((row: { reason: string }) => row.reason);
};

test.each([
  ['10.9.0.1', '/api/v1/..%2f..%2fetc/passwd'],
  ['10.9.0.2', '/api/v1/tracks/%2e%2e%5cwindows'],
  ['10.9.0.3', '/stream/..%252f1'],
])('an address that climbs out of its folder is noted (%s)', async (address, path) => {
  expect((await http(app, path, { address })).status).toBeGreaterThanOrEqual(400);
  settle();
  await expect.poll(() => reasonsOf(address)).toEqual(['path_traversal']);
});

test('a page of a foreign origin is noted, one of this machine is not', async () => {
  await rest(app, '/tracks', { address: '10.9.1.1', headers: { origin: 'https://evil.example' } });
  await rest(app, '/tracks', { address: '10.9.1.2', headers: { origin: 'http://localhost:3000' } });
  settle();
  await expect.poll(() => reasonsOf('10.9.1.1')).toEqual(['foreign_origin']);
  expect(await reasonsOf('10.9.1.2')).toEqual([]);
});

test('finding nothing again and again is noted once a minute, now and then is not', async () => {
  for (let id = 1; id <= 40; id += 1)
    await rest(app, `/tracks/${900_000 + id}`, { address: '10.9.2.1' });
  for (let id = 1; id <= 5; id += 1)
    await rest(app, `/tracks/${900_000 + id}`, { address: '10.9.2.2' });
  settle();
  await expect.poll(() => reasonsOf('10.9.2.1')).toContain('repeated_probing');
  expect(await reasonsOf('10.9.2.2')).toEqual([]);
});
