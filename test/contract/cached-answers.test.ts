import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccountState } from '#kernel/actor.ts';
import { type TestApp, testApp } from '#test/app.ts';
import { http, rest, trpc } from '#test/calls.ts';
import { createTrack, createUser, setReady, type TestUser } from '#test/factories.ts';
import { lacksRedis, startRedis, type ThrowawayRedis, untilUp } from '#test/redis.ts';
import { query } from '#test/tracks.ts';
import { until } from '#test/until.ts';

const WITHIN_A_SECOND = { timeout: 1000, interval: 10 };

/** What a stranger sees of a track: its title, or nothing. */
const titleFor = async (app: TestApp, id: number): Promise<string | undefined> => {
  const { status, json } = await rest(app, `/tracks/${id}`);
  expect([200, 404]).toContain(status);
  return json.data?.title;
};

/** What the database has for a stranger. */
const truthOf = async (app: TestApp, id: number): Promise<string | undefined> => {
  const [row] = await query(
    app,
    `select title from tracks t join users u on u.id = t.user_id where t.id = ${id}
     and t.deleted_at is null and t.status = 'ready' and t.visibility <> 'private'
     and u.state in ('active', 'suspended')`,
  );
  return row?.['title'] as string | undefined;
};

/** As a moderator's verb would: the account and what hangs on it, in one transaction. */
const setState = ({ outside }: TestApp, { id }: TestUser, state: AccountState) =>
  outside.database.inTransaction(async (db) => {
    await db.execute(`update users set state = '${state}' where id = ${id}`);
    await db.execute(`select pg_notify('veza_sessions', 'user:${id}')`);
    await outside.cache.tagsOn(db).invalidate([`user:${id}`]);
  });

const publicTrack = async (app: TestApp, owner: TestUser, title = 'first') => {
  const { id } = await createTrack(app, owner, { title });
  await setReady(app, id);
  return id as number;
};

type Owned = { owner: TestUser; id: number };

const put = (app: TestApp, { owner, id }: Owned, body: object) =>
  rest(app, `/tracks/${id}`, { method: 'PUT', token: owner.token, body });

let titles = 0;
const changes: Record<string, (app: TestApp, owned: Owned) => Promise<unknown>> = {
  retitle: (app, owned) => put(app, owned, { title: `title ${(titles += 1)}` }),
  hide: (app, owned) => put(app, owned, { visibility: 'private' }),
  show: (app, owned) => put(app, owned, { visibility: 'unlisted' }),
  remove: (app, { owner, id }) =>
    rest(app, `/tracks/${id}`, { method: 'DELETE', token: owner.token }),
  restore: (app, { owner, id }) =>
    rest(app, `/tracks/${id}/restore`, { method: 'POST', token: owner.token }),
  suspend: (app, { owner }) => setState(app, owner, 'banned'),
  forgive: (app, { owner }) => setState(app, owner, 'active'),
};

const suite = (start: () => Promise<ThrowawayRedis | undefined>) => () => {
  let apps: TestApp[] = [];
  let server: ThrowawayRedis | undefined;
  beforeAll(async () => {
    server = await start();
    const environment: Record<string, string> = server ? { REDIS_URL: server.url } : {};
    const app = await testApp({ environment });
    apps = [app, await testApp({ environment, beside: app })];
    for (const { outside } of apps) {
      await until(() => outside.notifications.isAlive());
      if (server) await untilUp(outside.redis);
    }
  });
  afterAll(() => server?.stop());
  const at = (turn: number): TestApp => {
    const app = apps[turn % apps.length];
    if (!app) throw new Error('No application runs');
    return app;
  };

  /** Work while so many strangers read a track over and over, in both processes. */
  const whileRead = async (id: number, readers: number, work: () => Promise<unknown>) => {
    const over = new AbortController();
    const reading = Array.from({ length: readers }, async (_, turn) => {
      for (; !over.signal.aborted; await wait(1)) await titleFor(at(turn), id);
    });
    await work().finally(() => over.abort());
    await Promise.all(reading);
  };

  /** Random changes of one track through random processes, each looked at from both. */
  const churn = async (turns: number): Promise<number[]> => {
    const owner = await createUser(at(0));
    const id = await publicTrack(at(0), owner);
    const names = Object.keys(changes);
    const delays: number[] = [];
    for (let turn = 0; turn < turns; turn += 1) {
      const name = names[Math.floor(Math.random() * names.length)] ?? '';
      const writer = Math.floor(Math.random() * 2);
      await changes[name]?.(at(writer), { owner, id });
      const truth = await truthOf(at(0), id);
      expect([name, await titleFor(at(writer), id)]).toEqual([name, truth]);
      const began = performance.now();
      await expect.poll(() => titleFor(at(writer + 1), id), WITHIN_A_SECOND).toBe(truth);
      delays.push(performance.now() - began);
      expect(await titleFor(at(writer), id)).toBe(truth);
    }
    return delays;
  };

  it('whatever is changed, its process answers what the database has, others within a second', async () => {
    const owner = await createUser(at(0));
    const busy = await publicTrack(at(0), owner);
    await whileRead(busy, 2, () => Promise.all(Array.from({ length: 6 }, () => churn(15))));
    const [first] = apps.map(({ outside }) => outside.cache.statistics().kinds.get('track'));
    expect(first?.hits[1]).toBeGreaterThan(50);
  }, 60_000);

  it('a writer who is read by many at once is never answered what was', async () => {
    const owner = await createUser(at(0));
    const id = await publicTrack(at(0), owner);
    await whileRead(id, 20, async () => {
      for (let turn = 0; turn < 40; turn += 1) {
        const title = `busy ${turn}`;
        await put(at(turn), { owner, id }, { title });
        const seen = await Promise.all(Array.from({ length: 5 }, () => titleFor(at(turn), id)));
        expect(new Set(seen)).toEqual(new Set([title]));
      }
    });
  }, 60_000);

  it.each([
    ['private', 'hide'],
    ['deleted', 'remove'],
    ['of a banned account', 'suspend'],
  ])(
    'a track that is now %s is gone at once here, and within a second elsewhere',
    async (_what, change) => {
      for (const writer of [0, 1]) {
        const owner = await createUser(at(0));
        const id = await publicTrack(at(0), owner);
        const seen = async (turn: number) => [
          (await rest(at(turn), `/tracks/${id}`)).status,
          (await trpc(at(turn), 'tracks.byId', { input: { id } })).status,
          (await rest(at(turn), `/tracks/${id}/waveform`)).status,
          (await http(at(turn), `/api/v1/tracks/${id}/stream`)).status,
        ];
        for (const turn of [0, 1, 0, 1]) expect(await seen(turn)).toEqual([200, 200, 200, 200]);
        await changes[change]?.(at(writer), { owner, id });
        expect(await seen(writer)).toEqual([404, 404, 404, 404]);
        await expect.poll(() => seen(writer + 1), WITHIN_A_SECOND).toEqual([404, 404, 404, 404]);
      }
    },
  );

  it('an account that others tell of is gone within a second, with its tracks', async () => {
    const owner = await createUser(at(0));
    const id = await publicTrack(at(0), owner);
    const seen = async (turn: number) => [
      (await rest(at(turn), `/users/${owner.id}`)).status,
      (await rest(at(turn), `/tracks/${id}`)).status,
    ];
    for (const turn of [0, 1]) expect(await seen(turn)).toEqual([200, 200]);
    await query(
      at(0),
      `with changed as (update users set state = 'banned' where id = ${owner.id} returning id)
       select pg_notify('veza_sessions', 'user:' || id) from changed`,
    );
    for (const turn of [0, 1])
      await expect.poll(() => seen(turn), WITHIN_A_SECOND).toEqual([404, 404]);
  });

  it('a profile that its owner changes is read as it is', async () => {
    const owner = await createUser(at(0));
    const nameIn = async (turn: number) =>
      (await rest(at(turn), `/users/${owner.id}`)).json.data.display_name;
    for (const turn of [0, 1]) expect(await nameIn(turn)).toBeNull();
    await rest(at(1), '/users/me', {
      method: 'PUT',
      token: owner.token,
      body: { display_name: 'Nina' },
    });
    expect(await nameIn(1)).toBe('Nina');
    await expect.poll(() => nameIn(0), WITHIN_A_SECOND).toBe('Nina');
  });

  it('what only its owner may see is asked of the database each time', async () => {
    const owner = await createUser(at(0));
    const { id } = await createTrack(at(0), owner, { visibility: 'private' });
    const before = at(0).outside.cache.statistics().kinds.get('track')?.loads ?? 0;
    for (let turn = 0; turn < 3; turn += 1) {
      expect((await rest(at(0), `/tracks/${id}`, { token: owner.token })).status).toBe(200);
      expect((await rest(at(0), `/tracks/${id}`)).status).toBe(404);
    }
    expect(at(0).outside.cache.statistics().kinds.get('track')?.loads).toBe(before + 6);
  });

  it('the metrics tell of hits and misses by kind and level', async () => {
    const { text } = await http(at(0), '/metrics');
    expect(text).toMatch(/^veza_cache_hits_total\{kind="track",level="1"\} \d+$/m);
    expect(text).toMatch(/^veza_cache_misses_total\{kind="profile",level="1"\} \d+$/m);
    expect(text).toMatch(/^veza_cache_memory_bytes \d+$/m);
  });
};

describe(
  'cached answers of processes without Redis',
  suite(async () => undefined),
);
describe.skipIf(lacksRedis)(
  'cached answers of processes with Redis',
  suite(() => startRedis()),
);
