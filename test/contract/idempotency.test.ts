import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { type Answer, form, rest, trpc } from '#test/calls.ts';
import {
  createTrack,
  createUser,
  createWav,
  setAccount,
  setReady,
  type TestUser,
} from '#test/factories.ts';
import { keptBy, query, runJob } from '#test/tracks.ts';

const app = await testApp({ environment: { REQUEST_TIMEOUT: '15s' } });
const [user, other] = [await createUser(app), await createUser(app)];

const trackOf = async (owner: TestUser): Promise<number> => {
  const { id } = await createTrack(app, owner);
  await setReady(app, id);
  return id as number;
};

const track = await trackOf(user);

let keys = 0;
const newKey = (): string => {
  keys += 1;
  return `key-${keys}`;
};

type Keyed = { key: string; body?: unknown; caller?: TestUser; path?: string };

/** Adds a job each time: an effect that can be counted. */
const reprocess = (id: number, key: string, caller = user): Promise<Answer> =>
  rest(app, `/tracks/${id}/reprocess`, {
    method: 'POST',
    token: caller.token,
    headers: { 'idempotency-key': key },
  });

const play = ({ key, body = { listened_seconds: 1 }, caller = user, path }: Keyed) =>
  rest(app, path ?? `/tracks/${track}/plays`, {
    method: 'POST',
    token: caller.token,
    body,
    headers: { 'idempotency-key': key },
  });

const upload = (key: string, content: Buffer, fields: Record<string, string> = {}) => {
  const { body, headers } = form({ content }, fields);
  return rest(app, '/tracks', {
    method: 'POST',
    token: user.token,
    body,
    headers: { ...headers, 'idempotency-key': key },
  });
};

const jobsOf = async (id: number): Promise<number> => {
  const found = await query(
    app,
    `select 1 from pgboss.job where name = 'tracks.process' and data->>'track_id' = '${id}'`,
  );
  return found.length;
};

const storedKey = (key: string) =>
  query(app, `select status, lease from idempotency_keys where key = '${key}'`);

const expectReplay = (again: Answer, first: Answer): void => {
  expect([again.status, again.text]).toEqual([first.status, first.text]);
  expect(first.headers).not.toHaveProperty('idempotent-replayed');
  expect(again.headers['idempotent-replayed']).toBe('true');
  for (const name of ['content-type', 'etag', 'location'])
    expect(again.headers[name]).toBe(first.headers[name]);
};

const expectReused = ({ status, json }: Answer): void =>
  expect([status, json.error.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);

describe('the same key', () => {
  it('with the same request gets the same answer and does nothing more', async () => {
    const [id, key] = [await trackOf(user), newKey()];
    const before = await jobsOf(id);
    const first = await reprocess(id, key);
    expect(first.status).toBe(200);
    expectReplay(await reprocess(id, key), first);
    expectReplay(await reprocess(id, key), first);
    expect(await jobsOf(id)).toBe(before + 1);
  });

  it('names the request it is an answer to, under an id of its own', async () => {
    const key = newKey();
    const [first, again] = [await play({ key }), await play({ key })];
    expect(again.json.meta.request_id).toBe(first.headers['x-request-id']);
    expect(again.headers['x-request-id']).not.toBe(first.headers['x-request-id']);
  });

  it('with another body is refused', async () => {
    const key = newKey();
    const first = await play({ key });
    for (const body of [{ listened_seconds: 2 }, { listened_seconds: '1' }, {}, []])
      expectReused(await play({ key, body }));
    expectReplay(await play({ key }), first);
  });

  it('for another thing or operation is refused', async () => {
    const [id, key] = [await trackOf(user), newKey()];
    await play({ key });
    expectReused(await play({ key, path: `/tracks/${id}/plays` }));
    expectReused(await reprocess(track, key));
  });

  it('of another user is another key', async () => {
    const key = newKey();
    const mine = await play({ key });
    const theirs = await play({ key, caller: other, body: { listened_seconds: 0 } });
    expect([mine.status, theirs.status]).toEqual([200, 200]);
    expect(theirs.headers).not.toHaveProperty('idempotent-replayed');
  });

  it('fifty times at once has one effect', async () => {
    const [id, key] = [await trackOf(user), newKey()];
    const before = await jobsOf(id);
    const answers = await Promise.all(Array.from({ length: 50 }, () => reprocess(id, key)));
    const done = answers.filter(({ status }) => status === 200);
    const first = done.filter(({ headers }) => headers['idempotent-replayed'] === undefined);
    expect(first).toHaveLength(1);
    expect(new Set(done.map(({ text }) => text)).size).toBe(1);
    for (const { status, json, headers } of answers.filter((answer) => !done.includes(answer)))
      expect([status, json.error.code, headers['retry-after']]).toEqual([409, 'CONFLICT', '1']);
    expect(await jobsOf(id)).toBe(before + 1);
  });
});

describe('a request that is still running', () => {
  it('makes the next with its key wait for it', async () => {
    const [id, key] = [await trackOf(user), newKey()];
    const holder = new Client({ connectionString: app.urls.url });
    await holder.connect();
    await holder.query('begin');
    await holder.query('select 1 from tracks where id = $1 for update', [id]);
    const running = reprocess(id, key);
    await expect.poll(() => storedKey(key), { interval: 10 }).toHaveLength(1);

    const second = await reprocess(id, key);
    expect([second.status, second.json.error.code]).toEqual([409, 'CONFLICT']);
    expect(second.headers['retry-after']).toBe('1');

    await holder.query('rollback');
    await holder.end();
    const first = await running;
    expect(first.status).toBe(200);
    expectReplay(await reprocess(id, key), first);
  });

  it('holds its key no longer than its lease, when its process has died', async () => {
    const key = newKey();
    const lease = '5f0c1f6e-0000-4000-8000-000000000000';
    const insert = `insert into idempotency_keys (user_id, key, lease, leased_until)
      values (${user.id}, '${key}', '${lease}', now() + interval '30 seconds')`;
    await query(app, insert);
    expect((await play({ key })).status).toBe(409);
    await query(
      app,
      `update idempotency_keys set leased_until = now() - interval '1 ms' where lease = '${lease}'`,
    );
    const taken = await play({ key });
    expect(taken.status).toBe(200);
    expectReplay(await play({ key }), taken);
  });
});

describe('a refusal', () => {
  it('is not kept: the key may be used again, for anything', async () => {
    const key = newKey();
    expect((await play({ key, body: { listened_seconds: -1 } })).status).toBe(400);
    expect((await play({ key, path: '/tracks/999999999/plays' })).status).toBe(404);
    expect(await storedKey(key)).toEqual([]);
    expect((await play({ key })).status).toBe(200);
  });

  it('comes before what is kept, once the account is suspended', async () => {
    const [caller, key] = [await createUser(app), newKey()];
    expect((await play({ key, caller })).status).toBe(200);
    await setAccount(app, caller.id, { state: 'suspended' });
    await expect
      .poll(async () => (await play({ key, caller })).json.error?.code, { interval: 10 })
      .toBe('ACCOUNT_SUSPENDED');
  });
});

describe('a key', () => {
  it.each([
    ['empty', ''],
    ['of 256 characters', 'k'.repeat(256)],
  ])('that is %s is refused', async (_name, key) => {
    const { status, json } = await play({ key });
    expect([status, json.error.details[0].field]).toEqual([400, 'Idempotency-Key']);
  });

  it.each(['k'.repeat(255), '"quoted"', "a b'; drop table x --", '%00', 'é'])(
    'may be any other text: %s',
    async (key) => {
      const first = await play({ key });
      expect(first.status).toBe(200);
      expectReplay(await play({ key }), first);
    },
  );

  it('is forgotten after a day', async () => {
    const [id, key] = [await trackOf(user), newKey()];
    await reprocess(id, key);
    const age = async (hours: number) =>
      query(
        app,
        `update idempotency_keys set created_at = now() - interval '${hours} hours' where key = '${key}'`,
      );
    await age(23.9);
    expect((await reprocess(id, key)).headers['idempotent-replayed']).toBe('true');
    await age(24.1);
    await setReady(app, id);
    const again = await reprocess(id, key);
    expect([again.status, again.headers['idempotent-replayed']]).toEqual([200, undefined]);
    await age(24.1);
    await runJob(app, 'idempotency.purge');
    expect(await storedKey(key)).toEqual([]);
  });

  it('means nothing to strangers, to reads and changes, to sign-in and to tRPC', async () => {
    const key = newKey();
    const headers = { 'idempotency-key': key };
    const body = { username: user.username, password: 'quiet-harbour!42' };
    const { token } = user;
    const input = { id: track, listened_seconds: 1 };
    for (const [label, ask] of Object.entries({
      stranger: () =>
        rest(app, `/tracks/${track}/plays`, {
          method: 'POST',
          body: { listened_seconds: 1 },
          headers,
        }),
      read: () => rest(app, `/tracks/${track}`, { token, headers }),
      change: () => rest(app, '/users/me', { method: 'PUT', token, body: { bio: 'x' }, headers }),
      login: () => rest(app, '/auth/login', { method: 'POST', token, body, headers }),
      tRPC: () => trpc(app, 'tracks.recordPlay', { type: 'mutation', token, input, headers }),
    }))
      for (const answer of [await ask(), await ask()]) {
        expect([label, answer.status]).toEqual([label, 200]);
        expect(answer.headers).not.toHaveProperty('idempotent-replayed');
      }
    expect(await storedKey(key)).toEqual([]);
  });
});

describe('an upload', () => {
  it('is the same by its fields and its bytes', async () => {
    const [key, content] = [newKey(), createWav()];
    const first = await upload(key, content, { title: 'One' });
    expect(first.status).toBe(201);
    expectReplay(await upload(key, content, { title: 'One' }), first);
    expectReused(await upload(key, content, { title: 'Two' }));
    expectReused(await upload(key, content));
    const changed = Buffer.from(content);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    expectReused(await upload(key, changed, { title: 'One' }));
    expectReused(await upload(key, content.subarray(0, -2), { title: 'One' }));
  });

  it('that is refused leaves its key free', async () => {
    const key = newKey();
    expect((await upload(key, Buffer.from('no audio'))).status).toBe(415);
    expect((await upload(key, createWav())).status).toBe(201);
  });

  it('that is answered again leaves nothing behind', async () => {
    const [key, content] = [newKey(), createWav()];
    await upload(key, content);
    const before = await keptBy(app);
    await upload(key, content);
    await upload(key, createWav());
    expect(await keptBy(app)).toEqual(before);
  });
});
