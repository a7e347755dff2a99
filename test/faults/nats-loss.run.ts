// node test/faults/nats-loss.run.ts [seconds = 60]: takes the NATS server away under writes, then loses its store,
// and counts failed requests, events out of order and events that a replay did not bring back.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { joinEmbeddedPostgres } from '#platform/embedded-postgres/embedded-postgres.ts';
import { ask, compareStream, effectsOf, halvesOf, untilSettled } from '#test/event-figures.ts';
import { print } from '#test/load.ts';
import { startNats } from '#test/nats.ts';
import { publishTrack, startSteadyPlays } from '#test/plays.ts';
import { startService } from '#test/service.ts';

const away_ms = Number(process.argv[2] ?? 60) * 1000;
const PER_SECOND = 50;
const TRACKS = 20;
const log = { info: () => undefined, warn: () => undefined };
const replay = fileURLToPath(new URL('../../src/commands/replay.ts', import.meta.url));

const unrelayed = async (url: string): Promise<number> => {
  const [row] = await ask<{ rows: number }>(
    url,
    'select count(*)::int as rows from outbox where relayed_at is null',
  );
  return row?.rows ?? 0;
};

/** How fast the backlog went, from the first event that did to the last. */
const drain = async (url: string, backlog: number): Promise<void> => {
  const began = performance.now();
  let first = 0;
  for (;;) {
    const left = await unrelayed(url);
    if (left < backlog && first === 0) first = performance.now();
    if (left < PER_SECOND / 2) break;
    await wait(20);
  }
  const last = performance.now();
  const [row] = await ask<{ events: number }>(
    url,
    `select count(*)::int as events from outbox where relayed_at > occurred_at + interval '2 seconds'`,
  );
  print(`  reached again and begun after ${(first - began).toFixed(0)} ms`);
  const events = row?.events ?? 0;
  const took_ms = last - first;
  print(
    `  ${events} events that had waited went in ${took_ms.toFixed(0)} ms: ${((events / took_ms) * 1000).toFixed(0)} a second (at least 1000)`,
  );
};

const folder = await mkdtemp(join(tmpdir(), 'veza-run-'));
const nats = await startNats();
const postgres = await joinEmbeddedPostgres({
  folder: join(folder, 'postgres'),
  log,
  durable: false,
});
try {
  const began_at = new Date().toISOString();
  const environment = {
    DATABASE_URL: postgres.url,
    DATABASE_MIGRATION_URL: postgres.migration_url,
    NATS_URL: nats.url,
  };
  const service = await startService(folder, environment);
  const tracks = [];
  for (let n = 0; n < TRACKS; n += 1) tracks.push(await publishTrack(service.url));
  const plays = startSteadyPlays(service.url, tracks, PER_SECOND);
  await wait(3000);
  await nats.stop();
  const health = async () =>
    ((await (await fetch(`${service.url}/health`)).json()) as { components: { nats: object } })
      .components.nats;
  await wait(away_ms);
  const backlog = await unrelayed(postgres.url);
  print(
    `away for ${away_ms / 1000} s; ${backlog} events wait; nats ${JSON.stringify(await health())}`,
  );
  await nats.start();
  await drain(postgres.url, backlog);
  await wait(2000);
  print(`requests by status: ${JSON.stringify(await plays.stop())} (0 must fail)`);
  await untilSettled(postgres.url);
  print(`changes without fact, or facts without change: ${await halvesOf(postgres.url)}`);
  for (const effects of await effectsOf(postgres.url)) print(`  ${JSON.stringify(effects)}`);
  print(`stream: ${JSON.stringify(await compareStream(postgres.url, nats.url))}`);

  await nats.stop();
  await nats.wipe();
  await nats.start();
  const { stdout } = await promisify(execFile)(process.execPath, [replay, '--since', began_at], {
    cwd: folder,
    env: { ...process.env, ...environment, ENVIRONMENT: 'test', DATA_DIR: folder },
  });
  print(`store lost; replay says: ${stdout.trim()}`);
  print(`settled after ${(await untilSettled(postgres.url)).toFixed(0)} ms`);
  print(`stream: ${JSON.stringify(await compareStream(postgres.url, nats.url))}`);
  for (const effects of await effectsOf(postgres.url)) print(`  ${JSON.stringify(effects)}`);
  print(`stopped: ${JSON.stringify(await service.stop())}`);
} finally {
  await nats.remove();
  await postgres.leave();
  await rm(folder, { recursive: true, force: true });
}
