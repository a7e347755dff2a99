import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, inject, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { http } from '#test/calls.ts';
import { production } from '#test/production.ts';

const app = await testApp({ environment: production });

const sent = (encoding: string) =>
  http(app, '/api/v1/openapi.json', { headers: { 'accept-encoding': encoding } });

describe('the served document', () => {
  it('is the committed one, open to anyone', async () => {
    const { status, headers, text } = await http(app, '/api/v1/openapi.json', { token: 'bad' });
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(text).toBe(inject('document'));
  });

  it('is not sent again to those who have it, compressed or not', async () => {
    const tags = ['identity', 'gzip'].map(async (encoding) => {
      const accepting = { 'accept-encoding': encoding };
      const first = await http(app, '/api/v1/openapi.json', { headers: accepting });
      const etag = String(first.headers.etag);
      const headers = { ...accepting, 'if-none-match': etag };
      const second = await http(app, '/api/v1/openapi.json', { headers });
      expect([second.status, second.bytes.length, second.headers.etag]).toEqual([304, 0, etag]);
      return etag;
    });
    expect(new Set(await Promise.all(tags)).size).toBe(2);
  });

  it('is compressed only for those who take it so', async () => {
    const zipped = await sent('br, gzip');
    expect(zipped.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(zipped.bytes).toString()).toBe(inject('document'));
    expect((await sent('gzip;q=0')).headers['content-encoding']).toBeUndefined();
  });
});

describe('the reference page', () => {
  it('runs its own scripts under a policy that allows no others', async () => {
    const { status, headers, text } = await http(app, '/docs');
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const inline = [...text.matchAll(/<script type="text\/javascript">([^]*?)<\/script>/g)];
    expect(inline).toHaveLength(1);
    const hash = createHash('sha256')
      .update(inline[0]?.[1] ?? '')
      .digest('base64');
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`script-src 'self' 'sha256-${hash}';`);
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval/);
  });

  it('loads nothing from elsewhere', async () => {
    const { text } = await http(app, '/docs');
    expect(text).not.toMatch(/(src|href)="(?!\/docs\/scalar\.js")/);
    expect(text).toContain('"url": "/api/v1/openapi.json"');
    const script = await http(app, '/docs/scalar.js');
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(script.bytes.length).toBeGreaterThan(1_000_000);
  });

  it('leaves every other answer under a policy that allows nothing', async () => {
    for (const path of ['/live', '/api/v1/openapi.json', '/docs/scalar.js', '/nothing'])
      expect((await http(app, path)).headers['content-security-policy']).toBe(
        "default-src 'none';frame-ancestors 'none'",
      );
  });
});
