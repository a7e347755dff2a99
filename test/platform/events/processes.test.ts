import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type TestApp, testApp } from '#test/app.ts';
import { playOf, recorder, rowsOf, startEvents, state } from '#test/events.ts';
import { isNatsMissing, startNats, type TestNats } from '#test/nats.ts';

vi.setConfig({ testTimeout: 90_000 });

const TRACKS = 7;
const EACH = 60;

/** Two processes of one service, and what consumers in either were told of, in the order of telling. */
const pair = async (environment: Record<string, string>) => {
  const told: string[] = [];
  const first = await testApp({ environment: { DATABASE_POOL_MAX: '20', ...environment } });
  const second = await testApp({ environment, beside: first });
  for (const app of [first, second]) {
    const act = ({ aggregate, request_id }: { aggregate: { id: number }; request_id: string }) =>
      void told.push(`${aggregate.id} ${request_id}`);
    startEvents(app, [recorder(['track.played'], act).consumer]);
  }
  return { first, second, told };
};

const hold = async (first: TestApp, second: TestApp, told: string[]): Promise<void> => {
  for (let n = 0; n < EACH; n += 1)
    for (let track = 1; track <= TRACKS; track += 1)
      await state(n % 2 === 0 ? first : second, playOf(track, String(n)));
  await expect.poll(() => told.length, { timeout: 25_000 }).toBe(TRACKS * EACH);
  const order = Array.from({ length: EACH }, (_, n) => String(n));
  for (let track = 1; track <= TRACKS; track += 1) {
    const lane = told.filter((line) => line.startsWith(`${track} `));
    expect(lane.map((line) => line.split(' ')[1])).toEqual(order);
  }
  const counted = () =>
    rowsOf(
      first,
      `select (select total::int from daily_measures where measure = 'plays') as plays,
         (select count(*)::int from inbox where state <> 'done') as waiting`,
    );
  await expect.poll(counted, { timeout: 25_000 }).toEqual([{ plays: TRACKS * EACH, waiting: 0 }]);
};

type Pair = Awaited<ReturnType<typeof pair>>;
const direct = await pair({});

it('several processes handle each event once between them, in order', () =>
  hold(direct.first, direct.second, direct.told));

describe.skipIf(isNatsMissing)('several processes with NATS', () => {
  let nats: TestNats;
  let linked: Pair;
  beforeAll(async () => {
    nats = await startNats();
    linked = await pair({ NATS_URL: nats.url });
  });
  afterAll(() => nats?.remove());

  it('handle each event once between them, in order', async () => {
    await hold(linked.first, linked.second, linked.told);
  });

  it('go on when the one that read the stream is gone', async () => {
    const { first, second, told } = linked;
    told.length = 0;
    await first.outside.events.stop();
    await state(second, playOf(99, 'alone'));
    await expect.poll(() => told, { timeout: 20_000 }).toEqual(['99 alone']);
  });
});
