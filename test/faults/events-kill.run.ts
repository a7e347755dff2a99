// node test/faults/events-kill.run.ts [kills = 200] [nats | direct]: kills the service at random instants under
// writes, and counts facts that had no effect, or two.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { joinEmbeddedPostgres } from '#platform/embedded-postgres/embedded-postgres.ts';
import { compareStream, effectsOf, halvesOf, untilSettled } from '#test/event-figures.ts';
import { print } from '#test/load.ts';
import { startNats } from '#test/nats.ts';
import { publishTrack, startPlays } from '#test/plays.ts';
import { signUp, startService } from '#test/service.ts';

const [kills = '200', only] = process.argv.slice(2);
const LONGEST_LIFE_MS = 800;
const log = { info: () => undefined, warn: () => undefined };

// Each start of the service adds one that kills it with us.
process.setMaxListeners(0);

const freePort = async (): Promise<string> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return String(port);
};

const run = async (nats_url: string | undefined): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'veza-run-'));
  const postgres = await joinEmbeddedPostgres({
    folder: join(folder, 'postgres'),
    log,
    durable: false,
  });
  const environment = {
    DATABASE_URL: postgres.url,
    DATABASE_MIGRATION_URL: postgres.migration_url,
    PORT: await freePort(),
    ...(nats_url && { NATS_URL: nats_url }),
  };
  let service = await startService(folder, environment);
  const { url } = service;
  const tracks = await Promise.all(Array.from({ length: 5 }, () => publishTrack(url)));
  const plays = startPlays(url, tracks, { clients: 4, pause_ms: 5 });
  const enough = new AbortController();
  const registering = (async () => {
    while (!enough.signal.aborted) await signUp(url).catch(() => wait(20));
  })();
  const began = performance.now();
  for (let kill = 0; kill < Number(kills); kill += 1) {
    await wait(Math.random() * LONGEST_LIFE_MS);
    service.signal('SIGKILL');
    await service.exited;
    service = await startService(folder, environment);
    if ((kill + 1) % 50 === 0) print(`  ${kill + 1} kills`);
  }
  enough.abort();
  await registering;
  const counts = await plays.stop();
  print(
    `${kills} kills in ${((performance.now() - began) / 1000).toFixed(0)} s; plays by status ${JSON.stringify(counts)}`,
  );
  print(`settled after ${(await untilSettled(postgres.url)).toFixed(0)} ms`);
  print(`changes without fact, or facts without change: ${await halvesOf(postgres.url)}`);
  for (const { measure, facts, effects } of await effectsOf(postgres.url))
    print(
      `${measure}: ${facts} facts, ${effects} effects; missing ${Math.max(0, facts - effects)}, twice ${Math.max(0, effects - facts)}`,
    );
  if (nats_url) print(`stream: ${JSON.stringify(await compareStream(postgres.url, nats_url))}`);
  print(`stopped: ${JSON.stringify(await service.stop())}`);
  await postgres.leave();
  await rm(folder, { recursive: true, force: true });
};

if (only !== 'direct') {
  const nats = await startNats();
  print('with NATS');
  try {
    await run(nats.url);
  } finally {
    await nats.remove();
  }
}
if (only !== 'nats') {
  print('without NATS');
  await run(undefined);
}
