import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { rest, trpc } from '#test/calls.ts';
import { createUser } from '#test/factories.ts';

const lines: string[] = [];
const app = await testApp();

describe('an error', () => {
  it('has the shape of its door', async () => {
    const { json, headers } = await rest(app, '/users/0');
    expect(json).toEqual({
      success: false,
      error: {
        code: 'VALIDATION_ERROR',
        message: expect.any(String),
        details: [{ field: 'id', message: expect.any(String) }],
      },
      meta: { timestamp: expect.any(String), request_id: headers['x-request-id'] },
    });
    const over = await trpc(app, 'users.byId', { input: { id: 0 } });
    expect(over.json.error.data).toMatchObject({
      code: 'VALIDATION_ERROR',
      details: [{ field: 'id', message: expect.any(String) }],
      request_id: over.headers['x-request-id'],
      httpStatus: 400,
    });
  });
});

describe('a bug', () => {
  it('is answered in a fixed text, its cause in the log alone', async () => {
    const broken = await testApp({ log: (line) => lines.push(line) });
    const { token } = await createUser(broken);
    const owner = new Client({ connectionString: broken.urls.migration_url });
    await owner.connect();
    await owner.query('alter table users rename column bio to secret_bio');
    await owner.end();

    const answers = [
      await rest(broken, '/users?q=hunter2'),
      await rest(broken, '/users/me', { token }),
      await trpc(broken, 'users.list', { input: { q: 'hunter2' } }),
    ];
    for (const { status, json, text } of answers) {
      const told = json.error.data ?? json.error;
      expect([status, told.code, told.details]).toEqual([500, 'INTERNAL_ERROR', []]);
      expect(text).not.toMatch(/bio|column|select|from|users\b.*\bjoin|node_modules|\.ts|stack/i);
    }
    const logged = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 'error');
    const causes = logged.filter(({ err }) => err);
    expect(causes).toHaveLength(3);
    expect(causes[0].err.message).toMatch(/bio/);
    expect(causes[0].request_id).toBe(answers[0]?.headers['x-request-id']);
    expect(lines.join('')).not.toContain('hunter2');
  });
});
