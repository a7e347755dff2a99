import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { createUser, createWav, setReady } from '#test/factories.ts';
import { listeningApp } from '#test/listening.ts';
import { upload } from '#test/tracks.ts';

const lines: string[] = [];
const app = await listeningApp({ log: (line) => lines.push(line) });
const owner = await createUser(app);
const { id } = (await upload(app, owner, { content: createWav(600) })).json.data;
await setReady(app, id);

/** Leaves as soon as the answer has begun, which is far longer than what the sockets hold. */
const abandon = async (): Promise<void> => {
  const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`GET /api/v1/tracks/${id}/stream HTTP/1.1\r\nHost: veza.test\r\n\r\n`);
  await once(socket, 'data');
  socket.destroy();
};

const abandoned = (): Record<string, unknown>[] =>
  lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ message, error }) => message === 'request' && error === 'CONNECTION_CLOSED');

it('whose caller leaves has its line in the log, too', async () => {
  await abandon();
  await expect.poll(() => abandoned().length).toBe(1);
  expect(abandoned()[0]).toMatchObject({ path: `/api/v1/tracks/${id}/stream`, status: 200 });
});
