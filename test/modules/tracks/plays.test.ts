import { beforeEach, describe, expect, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { rest, trpc } from '#test/calls.ts';
import { createTrack, createUser, type TestUser } from '#test/factories.ts';
import { query } from '#test/tracks.ts';

const DAY_MS = 86_400_000;
/** Tomorrow: the database has a clock of its own, and sessions must not be over by it. */
const noon = Math.ceil(Date.now() / DAY_MS) * DAY_MS + DAY_MS / 2;
const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
let now_ms = noon;

const app = await testApp({
  environment: { JWT_EXPIRATION_TIME: '90d', JWT_REFRESH_TIME: '90d', JWT_REFRESH_TTL: '90d' },
  now: () => new Date(now_ms),
});
const [owner, listener] = [await createUser(app), await createUser(app)];

beforeEach(() => {
  now_ms = noon;
});

const created = async (duration_seconds: number | null = 100, user = owner): Promise<number> => {
  const { id } = await createTrack(app, user);
  await query(
    app,
    `update tracks set status = 'ready', duration_seconds = ${duration_seconds} where id = ${id}`,
  );
  return id;
};

type Listener = { user?: TestUser; address?: string; agent?: string };

const listen = (
  id: number,
  listened_seconds: unknown,
  { user, address = '10.0.0.1', agent = 'a' }: Listener = { user: listener },
) =>
  rest(app, `/tracks/${id}/plays`, {
    method: 'POST',
    token: user?.token,
    body: { listened_seconds },
    address,
    headers: { 'user-agent': agent },
  });

const counted = async (...given: Parameters<typeof listen>) => (await listen(...given)).json.data;

describe('a play', () => {
  it.each([
    { duration: 100, listened: 49.9, counts: false },
    { duration: 100, listened: 50, counts: true },
    { duration: 1, listened: 0.5, counts: true },
    { duration: 479, listened: 239.4, counts: false },
    { duration: 479, listened: 239.5, counts: true },
    { duration: 3600, listened: 239.9, counts: false },
    { duration: 3600, listened: 240, counts: true },
    { duration: null, listened: 239, counts: false },
    { duration: null, listened: 240, counts: true },
    { duration: 0, listened: 0, counts: false },
    { duration: 0, listened: 0.2, counts: true },
  ])('of $duration s counts after $listened s: $counts', async ({ duration, listened, counts }) => {
    const id = await created(duration);
    expect(await counted(id, listened)).toEqual({ counted: counts, play_count: counts ? 1 : 0 });
  });

  it('counts once for a member and day, wherever they are', async () => {
    const id = await created();
    const user = listener;
    expect(await counted(id, 60, { user })).toEqual({ counted: true, play_count: 1 });
    const again = { user, address: '10.0.0.2', agent: 'b' };
    expect(await counted(id, 60, again)).toEqual({ counted: false, play_count: 1 });
    now_ms = noon + DAY_MS / 2 - 1;
    expect(await counted(id, 60, { user })).toEqual({ counted: false, play_count: 1 });
    now_ms += 1;
    expect(await counted(id, 60, { user })).toEqual({ counted: true, play_count: 2 });
  });

  it('counts once for a stranger and day, told by address and agent', async () => {
    const id = await created();
    const plays = async (...strangers: Listener[]) => {
      const answers = [];
      for (const stranger of strangers) answers.push((await counted(id, 60, stranger)).counted);
      return answers;
    };
    const [first, second, third] = [{}, { address: '10.0.0.2' }, { agent: 'b' }];
    expect(await plays(first, first, second, third, second)).toEqual([
      true,
      false,
      true,
      true,
      false,
    ]);
    now_ms += DAY_MS;
    expect(await plays(first)).toEqual([true]);
    const rows = await query(
      app,
      `select distinct listener from track_plays where track_id = ${id}`,
    );
    expect(rows).toHaveLength(4);
    expect(JSON.stringify(rows)).not.toContain('10.0.0');
  });

  it('told many times at once counts once', async () => {
    const id = await created();
    const answers = await Promise.all(Array.from({ length: 20 }, () => counted(id, 60)));
    expect(answers.filter(({ counted }) => counted)).toHaveLength(1);
    expect((await counted(id, 60)).play_count).toBe(1);
  });

  it('of many listeners at once counts for each', async () => {
    const id = await created();
    const strangers = Array.from({ length: 20 }, (_, n) => ({ address: `10.1.0.${n}` }));
    await Promise.all(strangers.map((stranger) => counted(id, 60, stranger)));
    expect((await rest(app, `/tracks/${id}`)).json.data.play_count).toBe(20);
  });

  it('is told over tRPC, too', async () => {
    const id = await created();
    const answer = await trpc(app, 'tracks.recordPlay', {
      type: 'mutation',
      token: listener.token,
      input: { id, listened_seconds: 60 },
    });
    expect(answer.json.result.data).toEqual({ counted: true, play_count: 1 });
    expect(await counted(id, 60)).toEqual({ counted: false, play_count: 1 });
  });

  it.each([-1, 86_401, '60', null, undefined])('of %j seconds is refused', async (seconds) => {
    const { status, json } = await listen(await created(), seconds);
    expect([status, json.error.code]).toEqual([400, 'VALIDATION_ERROR']);
    expect(json.error.details[0].field).toBe('listened_seconds');
  });

  it('of a track that is absent is refused', async () => {
    const { status, json } = await listen(999_999_999, 60);
    expect([status, json.error.code]).toEqual([404, 'NOT_FOUND']);
  });
});

describe('the stats of a track', () => {
  it('have the totals for all and the days for the owner', async () => {
    const id = await created();
    for (const [day, listeners] of [
      [0, 2],
      [1, 1],
      [40, 3],
    ] as const) {
      now_ms = noon + day * DAY_MS;
      for (let n = 0; n < listeners; n += 1) await listen(id, 60, { address: `10.2.0.${n}` });
    }
    const stats = async (user?: TestUser, search = '') =>
      (await rest(app, `/tracks/${id}/stats${search}`, { token: user?.token })).json.data;
    const totals = { play_count: 6, like_count: 0, comment_count: 0 };
    expect(await stats()).toEqual({ ...totals, days: null });
    expect(await stats(listener)).toEqual({ ...totals, days: null });
    expect(await stats(owner)).toEqual({ ...totals, days: [{ day: dayOf(now_ms), plays: 3 }] });
    expect((await stats(owner, '?days=41')).days).toEqual([
      { day: dayOf(noon + 40 * DAY_MS), plays: 3 },
      { day: dayOf(noon + DAY_MS), plays: 1 },
      { day: dayOf(noon), plays: 2 },
    ]);
    expect((await stats(owner, '?days=1')).days).toHaveLength(1);
    const wire = await trpc(app, 'tracks.stats', { input: { id }, token: owner.token });
    expect(wire.json.result.data).toEqual(await stats(owner));
  });

  it.each(['0', '366', 'x'])('for %s days are refused', async (days) => {
    const { status, json } = await rest(app, `/tracks/${await created()}/stats?days=${days}`);
    expect([status, json.error.code]).toEqual([400, 'VALIDATION_ERROR']);
  });
});
