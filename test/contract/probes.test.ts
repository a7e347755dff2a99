import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { type TestApp, testApp } from '#test/app.ts';
import { http, rest } from '#test/calls.ts';

const app = await testApp({ environment: { RATE_LIMIT_FACTOR: '1', RATE_LIMIT_STRANGER: '1/1h' } });
const lost = await testApp();

/** From now on the database lets nobody in; `app` has no connection in its pool yet. */
const closeDatabase = async ({ urls }: TestApp): Promise<void> => {
  const address = new URL(urls.migration_url);
  const database = address.pathname.slice(1);
  address.pathname = '/postgres';
  const owner = new Client({ connectionString: address.href });
  await owner.connect();
  await owner.query(`alter database ${owner.escapeIdentifier(database)} connection limit 0`);
  await owner.end();
};

const now = () => Math.floor(Date.now() / 1000);

describe('/health', () => {
  it('tells of the service and each of its parts', async () => {
    const { status, json, headers } = await http(app, '/health');
    expect(status).toBe(200);
    expect(['healthy', 'degraded']).toContain(json.status);
    expect(json).toMatchObject({ service: 'veza-backend-test', version: 'test' });
    expect(Math.abs(json.timestamp - now())).toBeLessThan(5);
    expect(json.uptime).toMatch(/^\d+s$/);
    expect(Object.keys(json.components)).toEqual(
      expect.arrayContaining(['database', 'storage', 'memory', 'event_loop']),
    );
    for (const component of Object.values(json.components))
      expect(component).toEqual({
        status: expect.stringMatching(/^(healthy|degraded)$/),
        latency: expect.stringMatching(/ms$/),
        ...(Object.hasOwn(component as object, 'message') && { message: expect.any(String) }),
      });
    expect(headers['content-type']).toMatch(/^application\/json/);
  });

  it('is unhealthy without its database, and says no more than that', async () => {
    await closeDatabase(lost);
    const { status, json, text } = await http(lost, '/health');
    expect([status, json.status]).toEqual([503, 'unhealthy']);
    expect(json.components.database.status).toBe('unhealthy');
    expect(json.components.memory.status).not.toBe('unhealthy');
    expect(text).not.toMatch(/postgres|127\.0\.0\.1|pool|\.ts/i);
    const ready = await http(lost, '/ready');
    expect([ready.status, ready.json]).toEqual([
      503,
      { status: 'not_ready', reason: 'database_unavailable' },
    ]);
    expect((await http(lost, '/live')).status).toBe(200);
    const refused = await rest(lost, '/users');
    expect([refused.status, refused.json.error.code]).toEqual([503, 'SERVICE_UNAVAILABLE']);
    expect(refused.headers).toHaveProperty('retry-after');
  });
});

describe('/ready and /live', () => {
  it('say yes in a word', async () => {
    const ready = await http(app, '/ready');
    expect([ready.status, ready.json]).toEqual([
      200,
      { status: 'ready', timestamp: expect.any(Number) },
    ]);
    expect((await http(app, '/live')).status).toBe(200);
  });
});

describe('/metrics', () => {
  it('is Prometheus text, with requests by route', async () => {
    await rest(app, '/users/1');
    const { status, text, headers } = await http(app, '/metrics');
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(/^text\/plain/);
    expect(text).toMatch(/^# HELP /m);
    expect(text).toMatch(/^http_request_duration_seconds_bucket\{.*route="\/api\/v1\/users\/:id"/m);
    expect(text).toMatch(/^\S*event_?loop\S* /im);
  });

  it('names no path that a caller made up', async () => {
    await http(app, '/made-up-by-a-scanner');
    expect((await http(app, '/metrics')).text).not.toContain('made-up-by-a-scanner');
  });

  it('is the system metrics of the document for those who take JSON', async () => {
    const { json } = await http(app, '/metrics', { headers: { accept: 'application/json' } });
    expect(json).toEqual({
      goroutines: expect.any(Number),
      memory_alloc: expect.any(Number),
      memory_sys: expect.any(Number),
      timestamp: expect.any(Number),
    });
  });
});

describe.each(['/health', '/ready', '/live', '/metrics'])('%s', (path) => {
  it('is answered to anyone, token or not, as often as it is asked', async () => {
    for (const token of [undefined, 'x', undefined]) {
      const { status, headers } = await http(app, path, { token });
      expect(status).toBe(200);
      expect(headers).not.toHaveProperty('ratelimit-remaining');
    }
  });
});
