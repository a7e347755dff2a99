import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { testApp } from '#test/app.ts';
import { playOf, rowsOf, state } from '#test/events.ts';

vi.setConfig({ testTimeout: 120_000 });

const app = await testApp();
const command = fileURLToPath(new URL('../../../src/commands/replay.ts', import.meta.url));

const replay = (...given: string[]) =>
  new Promise<{ code: number; said: string }>((resolve) => {
    const env = {
      PATH: process.env['PATH'],
      ENVIRONMENT: 'test',
      DATA_DIR: app.folder,
      DATABASE_URL: app.urls.url,
      DATABASE_MIGRATION_URL: app.urls.migration_url,
    };
    const child = execFile(process.execPath, [command, ...given], { env }, (_fault, stdout) =>
      // A machine under load may warn before; the last line is the answer.
      resolve({ code: child.exitCode ?? -1, said: stdout.trim().split('\n').at(-1) ?? '' }),
    );
  });

describe('the replay command', () => {
  it('has the events of a window relayed again, and parked ones tried again', async () => {
    await state(app, playOf(1, 'before'), playOf(1, 'within'), playOf(1, 'parked'));
    await rowsOf(app, `update outbox set relayed_at = now() where request_id <> 'parked'`);
    await rowsOf(
      app,
      `update outbox set occurred_at = '2026-01-01T00:00:00Z' where request_id = 'before'`,
    );
    await rowsOf(app, `update outbox set fault = 'unfit' where request_id = 'parked'`);
    const waiting = () =>
      rowsOf(app, 'select request_id from outbox where relayed_at is null and fault is null');

    const window = ['--since', '2026-02-01T00:00:00Z', '--name'];
    expect(await replay(...window, 'track.ready')).toEqual({
      code: 0,
      said: '0 events are relayed again',
    });
    expect(await waiting()).toEqual([]);
    expect(await replay(...window, 'track.played')).toEqual({
      code: 0,
      said: '1 events are relayed again',
    });
    expect(await waiting()).toEqual([{ request_id: 'within' }]);
    expect(await replay('--parked')).toEqual({ code: 0, said: '1 parked events are tried again' });
    expect(await waiting()).toEqual([{ request_id: 'within' }, { request_id: 'parked' }]);
  });

  it.each([[[]], [['--since', 'yesterday']], [['--name', 'track.ready']], [['--all']]])(
    'refuses %j, which says not what',
    async (given) => {
      expect(await replay(...given)).toEqual({ code: 1, said: '' });
    },
  );
});
