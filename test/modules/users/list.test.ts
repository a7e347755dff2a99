import { describe, expect, it } from 'vitest';
import { fieldsOf, newName, refusalOf } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { type Answer, rest, trpc } from '#test/calls.ts';
import { createTrack, createUser, setReady } from '#test/factories.ts';
import { query } from '#test/tracks.ts';

const app = await testApp();

type Shown = { id: number; username: string };

/** Accounts as registration would make them, a name each; the newest last. */
const createUsers = async (names: readonly string[], created_at = 'clock_timestamp()') => {
  for (const name of names)
    await query(
      app,
      `insert into users (username, email, password_hash, created_at)
       values ('${name}', '${name}@example.com', 'none', ${created_at})`,
    );
};

const namesOf = (prefix: string, many: number): string[] =>
  Array.from({ length: many }, (_, turn) => `${prefix}${String(turn).padStart(2, '0')}`);

const list = (search: Record<string, string | number>) => {
  const text = Object.entries(search).map(([name, value]) => [name, String(value)]);
  return rest(app, `/users?${new URLSearchParams(Object.fromEntries(text)).toString()}`);
};

const usernamesIn = ({ json }: Answer): string[] =>
  json.data.map(({ username }: Shown) => username);

const walk = async (
  search: Record<string, string | number>,
  between: () => Promise<unknown> = async () => undefined,
) => {
  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const answer: Answer = await list({ ...search, cursor });
    expect(answer.status).toBe(200);
    seen.push(...usernamesIn(answer));
    const { limit, has_next, next_cursor } = answer.json.pagination;
    expect([limit, has_next]).toEqual([search['limit'], next_cursor !== null]);
    cursor = next_cursor;
    await between();
  }
  return seen;
};

describe('pages of users', () => {
  it('come newest first, and say how many there are', async () => {
    const prefix = newName();
    const names = namesOf(prefix, 5);
    await createUsers(names);
    const first = await list({ q: prefix, limit: 2 });
    expect(usernamesIn(first)).toEqual([names[4], names[3]]);
    expect(first.json.pagination).toEqual({
      page: 1,
      limit: 2,
      total: 5,
      total_pages: 3,
      has_next: true,
      has_prev: false,
    });
    const last = await list({ q: prefix, limit: 2, page: 3 });
    expect(usernamesIn(last)).toEqual([names[0]]);
    expect(last.json.pagination).toMatchObject({ has_next: false, has_prev: true });
    const beyond = await list({ q: prefix, limit: 2, page: 4 });
    expect([usernamesIn(beyond), beyond.json.pagination.total]).toEqual([[], 5]);
  });

  it('hold twenty unless told otherwise', async () => {
    const prefix = newName();
    await createUsers(namesOf(prefix, 21));
    expect(usernamesIn(await list({ q: prefix }))).toHaveLength(20);
    expect(usernamesIn(await list({ q: prefix, limit: 100 }))).toHaveLength(21);
  });

  it('are the same over tRPC, and show nothing private', async () => {
    const user = await createUser(app);
    await setReady(app, (await createTrack(app, user)).id);
    const input = { q: user.username };
    const { json, text } = await trpc(app, 'users.list', { input });
    const answer = await list(input);
    expect(json.result.data).toEqual({
      data: answer.json.data,
      pagination: answer.json.pagination,
    });
    expect(text).not.toContain(user.email);
    expect(answer.json.data).toEqual([expect.objectContaining({ counts: { tracks: 1 } })]);
    expect(answer.json.data).toEqual([(await rest(app, `/users/${user.id}`)).json.data]);
    expect((await trpc(app, 'users.list')).status).toBe(200);
  });

  it.each([
    ['limit', { limit: 0 }],
    ['limit', { limit: 101 }],
    ['limit', { limit: 'ten' }],
    ['page', { page: 0 }],
    ['page', { page: 1.5 }],
    ['q', { q: '' }],
    ['q', { q: 'x'.repeat(51) }],
    ['q', { q: 'a\u0000' }],
    ['sort', { sort: 'email' }],
  ])('are refused for a bad %s', async (field, search) => {
    const answer = await list(search);
    expect(refusalOf(answer)).toEqual([400, 'VALIDATION_ERROR']);
    expect(fieldsOf(answer)).toEqual([field]);
  });
});

describe('a walk', () => {
  it('meets everyone once, newest first, while others register', async () => {
    const prefix = newName();
    const names = namesOf(prefix, 9);
    await createUsers(names);
    let late = 0;
    const register = () => createUsers([`${prefix}late${(late += 1)}`]);
    expect(await walk({ q: prefix, limit: 2 }, register)).toEqual(names.toReversed());
    expect(late).toBeGreaterThan(3);
  });

  it('meets everyone once who registered in the same millisecond', async () => {
    const prefix = newName();
    const names = namesOf(prefix, 7);
    await createUsers(names, "'2026-01-02T03:04:05.678Z'");
    expect(await walk({ q: prefix, limit: 3 })).toEqual(names.toReversed());
  });

  it('skips nobody when those around are gone', async () => {
    const prefix = newName();
    const names = namesOf(prefix, 6);
    await createUsers(names);
    const remove = () =>
      query(app, `update users set state = 'deleted' where username = '${names[4]}'`);
    expect(await walk({ q: prefix, limit: 2 }, remove)).toEqual(names.toReversed());
  });

  it('of nobody ends at once', async () => {
    expect(await walk({ q: newName(), limit: 5 })).toEqual([]);
  });
});

const cursorOf = (...parts: unknown[]): string =>
  Buffer.from(JSON.stringify(parts)).toString('base64url');
const AT = '2026-01-02T03:04:05.678Z';

describe('a cursor', () => {
  it.each([
    ['of another feed', cursorOf('tracks', AT, 1)],
    ['that is none', 'x'],
    ['that is no JSON', Buffer.from('{').toString('base64url')],
    ['that is JSON of another kind', Buffer.from('null').toString('base64url')],
    ['cut off', cursorOf('users', AT, 1).slice(0, -4)],
    ['with more', cursorOf('users', AT, 1, 2)],
    ['of no day', cursorOf('users', '2026-02-30T00:00:00.000Z', 1)],
    ['of no month', cursorOf('users', '2026-99-99T99:99:99.999Z', 1)],
    ['of the year 0', cursorOf('users', '0000-01-01T00:00:00.000Z', 1)],
    ['of another form', cursorOf('users', 'now', 1)],
    ['of words', cursorOf('users', "' or 1=1 --", 1)],
    ['of a broken id', cursorOf('users', AT, 1.5)],
    ['of an id in text', cursorOf('users', AT, '1')],
    ['of an id past counting', cursorOf('users', AT, 1e300)],
    ['that is too long', 'A'.repeat(513)],
  ])('%s is refused', async (_what, cursor) => {
    for (const answer of [
      await list({ cursor }),
      await trpc(app, 'users.list', { input: { cursor } }),
    ]) {
      expect(refusalOf(answer)).toEqual([400, 'VALIDATION_ERROR']);
      expect(fieldsOf(answer)).toEqual(['cursor']);
    }
  });
});

describe('a search', () => {
  it('finds by the beginning of a name, in any case', async () => {
    const prefix = newName();
    await createUsers([`${prefix}Abc`, `x${prefix}abc`]);
    expect(usernamesIn(await list({ q: `${prefix.toUpperCase()}aB` }))).toEqual([`${prefix}Abc`]);
  });

  it('finds by the displayed name, accents in any case', async () => {
    const name = newName();
    await createUsers([name]);
    await query(app, `update users set display_name = 'Élodie ${name}' where username = '${name}'`);
    for (const q of [`Élodie ${name}`, `élodie ${name.slice(0, 6)}`, `ÉLODIE ${name}`])
      expect(usernamesIn(await list({ q }))).toEqual([name]);
  });

  it.each(['%', '_', '\\', '%%', '_%', '*', "'", '"', '(', '[', '.*'])(
    'takes %s for what it is',
    async (q) => {
      await createUsers([newName()]);
      const answer = await list({ q });
      expect([answer.status, usernamesIn(answer)]).toEqual([200, []]);
    },
  );

  it('finds wildcards that were written', async () => {
    const name = newName();
    await createUsers([name]);
    await query(app, `update users set display_name = '100%_\\${name}' where username = '${name}'`);
    expect(usernamesIn(await list({ q: `100%_\\${name}` }))).toEqual([name]);
    expect(usernamesIn(await list({ q: `100xx${name}` }))).toEqual([]);
  });
});
