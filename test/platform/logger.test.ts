import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { createLogger } from '#platform/logger.ts';

const logger = new URL('../../src/platform/logger.ts', import.meta.url).href;

/** Tells that it has begun, and logs its last line only when it ends, as a signal asks. */
const program = (pretty: boolean) => `
  import { createLogger, flushLog } from '${logger}';
  const log = createLogger({ level: 'info', pretty: ${pretty} });
  process.on('SIGTERM', async () => {
    log.warn({ err: Object.assign(new Error('lost'), { client: { secretKey: 4711 } }) }, 'a fault');
    log.info('the last line');
    await flushLog(log);
    process.exit(0);
  });
  setInterval(() => undefined, 1000);
  log.info({ error: 'NOT_FOUND', request_id: 'req_1' }, 'begun');
`;

const start = async (pretty = false) => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program(pretty)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(text));
  await once(child.stdout, 'data');
  return { child, lines };
};

it('a single line is written without waiting for others, and the last one before the end', async () => {
  const { child, lines } = await start();
  child.kill('SIGTERM');
  expect((await once(child, 'close'))[0]).toBe(0);
  expect(lines.join('')).toMatch(/begun.*the last line/s);
});

it('a process ends though nobody reads its log any more', async () => {
  const { child } = await start();
  child.stdout.destroy();
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

it('what a server was asked is not told with its refusal: it may be a password', () => {
  const to = new PassThrough();
  const log = createLogger({ level: 'info', pretty: false, to });
  const refused = new Error('WRONGPASS invalid username-password pair');
  const command = { name: 'hello', args: ['3', 'AUTH', 'default', 'hunter2'] };
  log.warn({ err: Object.assign(refused, { command }) }, 'Redis is away');
  const line = String(to.read());
  expect(line).toContain('WRONGPASS');
  expect(line).not.toContain('hunter2');
});

it('while developing, too, what is told is one line', async () => {
  const { child, lines } = await start(true);
  child.kill('SIGTERM');
  await once(child, 'close');
  expect(lines.join('').split('\n')[0]).toMatch(
    /INFO: begun \{"error":"NOT_FOUND","request_id":"req_1"\}$/,
  );
});

it('the fault of a connection is told without the connection', async () => {
  const { child, lines } = await start();
  child.kill('SIGTERM');
  await once(child, 'close');
  const fault = lines
    .join('')
    .split('\n')
    .find((line) => line.includes('a fault'));
  expect(JSON.parse(fault ?? '')).toMatchObject({ err: { message: 'lost', client: '[redacted]' } });
});
