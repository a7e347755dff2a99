// node test/faults/redis-loss.run.ts: what callers see while Redis stands still, is killed or is emptied.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import {
  type Call,
  countBy,
  percentile_ms,
  print,
  type Sample,
  slowest_ms,
  startLoad,
} from '#test/load.ts';
import { createWav } from '#test/factories.ts';
import { startRedis, type ThrowawayRedis } from '#test/redis.ts';
import { fileForm, type Service, signUp, startService } from '#test/service.ts';

const AWAY_MS = 8000;
const CLIENTS = Number(process.env['CLIENTS'] ?? 20);
/** Members may call as often as they like here, strangers may not. */
const RATE = 5;
const BURST = 40;
const LIMITS = {
  RATE_LIMIT_FACTOR: '1',
  RATE_LIMIT_MEMBER: '10000000/1m',
  RATE_LIMIT_STRANGER: `${RATE}/1s,burst=${BURST}`,
  RATE_LIMIT_UPLOAD: '1000/1h',
  RATE_LIMIT_REGISTER: '1000/1h',
};

type User = Awaited<ReturnType<typeof signUp>>;
type Fault = { begin: () => unknown; end: () => unknown };

const addTrack = async (url: string, token: string): Promise<number> => {
  const headers = { authorization: `Bearer ${token}` };
  const body = fileForm(createWav());
  const answer = await fetch(`${url}/api/v1/tracks`, { method: 'POST', headers, body });
  const { data } = (await answer.json()) as { data: { id: number } };
  for (;;) {
    const read = await fetch(`${url}/api/v1/tracks/${data.id}`, { headers });
    const { data: track } = (await read.json()) as { data: { status: string } };
    if (track.status === 'ready') return data.id;
    await wait(100);
  }
};

const mix = (users: readonly User[], tracks: readonly number[]) => {
  let made = 0;
  return (client: number): Call => {
    made += 1;
    const token = users[client % users.length]?.token ?? '';
    const path = `/api/v1/tracks/${tracks[made % tracks.length]}`;
    const own = tracks[client % users.length];
    const calls: Call[] = [
      { path, token },
      { path: `/api/v1/users/${users[made % users.length]?.id}`, token },
      { path: `${path}/waveform`, token },
      { path: '/api/v1/users/me', token },
      { method: 'PUT', path: `/api/v1/tracks/${own}`, token, body: { genre: `genre ${made}` } },
    ];
    return calls[made % calls.length] ?? { path: '/live' };
  };
};

const between = (samples: readonly Sample[], from: number, to: number) =>
  samples.filter(({ sent_at, ms }) => sent_at + ms > from && sent_at < to);

const isGood = ({ status }: Sample): boolean => status > 0 && status < 500;

/** A stranger who never rests: so many are let through in a second. */
const allowedPerSecond = (samples: readonly Sample[], from: number, to: number): string => {
  const allowed = samples.filter(
    ({ sent_at, status }) => sent_at >= from && sent_at < to && status === 200,
  );
  return (allowed.length / ((to - from) / 1000)).toFixed(1);
};

const isUp = async ({ url }: Service): Promise<boolean> => {
  const answer = await fetch(`${url}/health`);
  const { components } = (await answer.json()) as { components: { redis: { status: string } } };
  return components.redis.status === 'healthy';
};

const untilHealthy = async (service: Service, since: number): Promise<number> => {
  while (!(await isUp(service))) await wait(25);
  return performance.now() - since;
};

const report = (title: string, samples: readonly Sample[]): void => {
  const good = samples.filter(isGood).length;
  print(
    `  ${title}: ${samples.length} answers, available ${((100 * good) / samples.length).toFixed(3)} %, ` +
      `slowest ${slowest_ms(samples)} ms, p99 ${percentile_ms(samples, 0.99)} ms, ` +
      JSON.stringify(countBy(samples, ({ status, fault }) => fault ?? status)),
  );
};

const measure = async (title: string, service: Service, fault: Fault): Promise<void> => {
  const users: User[] = [];
  const tracks: number[] = [];
  for (let n = 0; n < 3; n += 1) {
    const user = await signUp(service.url);
    users.push(user);
    tracks.push(await addTrack(service.url, user.token));
  }
  const load = startLoad(service.url, CLIENTS, mix(users, tracks));
  const stranger = startLoad(service.url, 1, () => ({ path: '/api/v1/users' }), 5);
  await wait((BURST * 1000) / RATE / 2 + 3000);
  const began = performance.now();
  await fault.begin();
  await wait(AWAY_MS);
  await fault.end();
  const healed = performance.now();
  const recovered = await untilHealthy(service, healed);
  await wait(4000);
  const ended = performance.now();
  const [samples, strangers] = [await load.stop(), await stranger.stop()];
  print(`\n${title}`);
  report('before', between(samples, 0, began));
  report('fault ', between(samples, began, healed));
  report('after ', between(samples, healed, ended));
  print(
    `  a stranger is let through ${allowedPerSecond(strangers, began - 3000, began)} times a second before, ` +
      `${allowedPerSecond(strangers, began, healed)} in the fault, ` +
      `${allowedPerSecond(strangers, healed, ended)} after (the rate is ${RATE}); ` +
      `answers ${JSON.stringify(countBy(strangers, ({ status, fault }) => fault ?? status))}`,
  );
  print(`  Redis is used again after ${recovered.toFixed(0)} ms (at most 5000)`);
  const told = service.log.filter((line) => /redis/i.test(line)).length;
  print(`  lines of the log about it: ${told}`);
};

const scenario = async (
  title: string,
  faultOf: (redis: ThrowawayRedis) => Fault,
): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'veza-run-'));
  const redis = await startRedis();
  const service = await startService(folder, { ...LIMITS, REDIS_URL: redis.url });
  try {
    await untilHealthy(service, performance.now());
    await measure(title, service, faultOf(redis));
    print(`  stopped: ${JSON.stringify(await service.stop())}`);
  } finally {
    service.signal('SIGKILL');
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  }
};

const flushed = (redis: ThrowawayRedis): Fault => {
  let timer: NodeJS.Timeout | undefined;
  return {
    begin: () => {
      timer = setInterval(() => redis.command('FLUSHALL'), 500);
    },
    end: () => clearInterval(timer),
  };
};

const scenarios: Record<string, () => Promise<void>> = {
  kill: () =>
    scenario('kill -9 of Redis for 8 s', (redis) => ({ begin: redis.kill, end: redis.start })),
  pause: () =>
    scenario('SIGSTOP of Redis for 8 s', (redis) => ({ begin: redis.pause, end: redis.resume })),
  flush: () => scenario('FLUSHALL twice a second for 8 s', flushed),
};
const chosen = process.argv.slice(2);
for (const [name, run] of Object.entries(scenarios))
  if (chosen.length === 0 || chosen.includes(name)) await run();
