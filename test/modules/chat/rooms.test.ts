import { beforeAll, describe, expect, it } from 'vitest';
import { refusalOf } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { allowFloods, as, createRoom, say } from '#test/chat.ts';
import { createUser, type TestUser } from '#test/factories.ts';
import { query } from '#test/tracks.ts';

const app = await testApp();
let nina: TestUser;
let omar: TestUser;
let pia: TestUser;

beforeAll(async () => {
  await allowFloods(app);
  nina = await createUser(app);
  omar = await createUser(app);
  pia = await createUser(app);
});

const membersOf = async (room: number) =>
  query(
    app,
    `select user_id, role, state from room_members where room_id = ${room} order by user_id`,
  );

const countOf = async (room: number): Promise<number> =>
  (await as(app, nina)('GET', `/rooms/${room}`)).json.data.member_count;

describe('a room', () => {
  it('belongs to whoever opens it, and says where it is', async () => {
    const body = { name: 'Field recordings', kind: 'public', slow_mode_seconds: 5 };
    const opened = await as(app, nina)('POST', '/rooms', body);
    const { id } = opened.json.data;
    expect(opened.status).toBe(201);
    expect(opened.headers['location']).toBe(`/api/v1/rooms/${id}`);
    expect(opened.json.data).toMatchObject({ ...body, member_count: 1, created_by: nina.id });
    const [owner] = await membersOf(id);
    expect(owner).toMatchObject({ role: 'owner', state: 'joined' });
  });

  it('is changed by its owner alone, and by those who saw it as it is', async () => {
    const id = await createRoom(app, nina, { others: [omar] });
    const byMember = await as(app, omar)('PUT', `/rooms/${id}`, { name: 'mine now' });
    expect(refusalOf(byMember)).toEqual([403, 'FORBIDDEN']);
    const byOther = await as(app, pia)('PUT', `/rooms/${id}`, { name: 'mine now' });
    expect(refusalOf(byOther)).toEqual([403, 'NOT_A_MEMBER']);
    const changed = await as(app, nina)('PUT', `/rooms/${id}`, { description: 'quiet' });
    expect(changed.json.data).toMatchObject({ description: 'quiet', version: 2 });
    const cleared = await as(app, nina)('PUT', `/rooms/${id}`, { description: null });
    expect(cleared.json.data.description).toBeNull();
  });

  it('that is closed is gone for everybody', async () => {
    const id = await createRoom(app, nina, { others: [omar] });
    expect(refusalOf(await as(app, omar)('DELETE', `/rooms/${id}`))).toEqual([403, 'FORBIDDEN']);
    expect((await as(app, nina)('DELETE', `/rooms/${id}`)).status).toBe(200);
    for (const user of [nina, omar])
      expect(refusalOf(await as(app, user)('GET', `/rooms/${id}`))).toEqual([404, 'NOT_FOUND']);
    const { data } = (await as(app, omar)('GET', '/rooms/mine')).json;
    expect(data.map(({ id: each }: { id: number }) => each)).not.toContain(id);
  });

  it('is found by its name, when it is public', async () => {
    const name = `Harbour ${nina.username}`;
    for (const kind of ['public', 'private']) await as(app, nina)('POST', '/rooms', { name, kind });
    const found = await as(app, pia)('GET', `/rooms?q=${encodeURIComponent(name.slice(2))}`);
    expect(found.json.data).toMatchObject([{ name, kind: 'public' }]);
    expect((await as(app, pia)('GET', '/rooms?q=%25')).json.data).toEqual([]);
  });
});

describe('members', () => {
  it('come and go, each counted once', async () => {
    const id = await createRoom(app, nina);
    const joins = await Promise.all(
      Array.from({ length: 8 }, () => as(app, omar)('POST', `/rooms/${id}/join`)),
    );
    expect(joins.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(await countOf(id)).toBe(2);
    await as(app, omar)('POST', `/rooms/${id}/leave`);
    const again = await as(app, omar)('POST', `/rooms/${id}/leave`);
    expect(refusalOf(again)).toEqual([403, 'NOT_A_MEMBER']);
    expect(await countOf(id)).toBe(1);
  });

  it('see what was said before they came as read', async () => {
    const id = await createRoom(app, nina);
    await say(app, { by: nina, room: id, content: 'before' });
    const { unread_count } = (await as(app, omar)('POST', `/rooms/${id}/join`)).json.data;
    expect(unread_count).toBe(0);
  });

  it('who own it hand it over before they leave', async () => {
    const id = await createRoom(app, nina, { others: [omar] });
    const leaving = await as(app, nina)('POST', `/rooms/${id}/leave`);
    expect(refusalOf(leaving)).toEqual([409, 'LAST_OWNER']);
    const stepping = await as(app, nina)('PUT', `/rooms/${id}/members/${nina.id}`, {
      role: 'member',
    });
    expect(refusalOf(stepping)).toEqual([409, 'LAST_OWNER']);
    await as(app, nina)('PUT', `/rooms/${id}/members/${omar.id}`, { role: 'owner' });
    expect((await as(app, nina)('POST', `/rooms/${id}/leave`)).status).toBe(200);
  });

  it('of two owners who leave at once, one stays', async () => {
    const id = await createRoom(app, nina, { others: [omar, pia] });
    await as(app, nina)('PUT', `/rooms/${id}/members/${omar.id}`, { role: 'owner' });
    const left = await Promise.all(
      [nina, omar].map((user) => as(app, user)('POST', `/rooms/${id}/leave`)),
    );
    expect(left.map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  it('are ruled by those above them, and by nobody of their own standing', async () => {
    const id = await createRoom(app, nina, { others: [omar, pia] });
    const act = (by: TestUser, on: TestUser, change: object) =>
      as(app, by)('PUT', `/rooms/${id}/members/${on.id}`, change);
    expect(refusalOf(await act(omar, pia, { banned: true }))).toEqual([403, 'FORBIDDEN']);
    expect(refusalOf(await act(omar, omar, { role: 'owner' }))).toEqual([403, 'FORBIDDEN']);
    await act(nina, omar, { role: 'moderator' });
    expect(refusalOf(await act(omar, nina, { banned: true }))).toEqual([403, 'FORBIDDEN']);
    expect(refusalOf(await act(omar, pia, { role: 'moderator' }))).toEqual([403, 'FORBIDDEN']);
    expect((await act(omar, pia, { banned: true })).status).toBe(200);
    expect(await countOf(id)).toBe(2);
    expect(refusalOf(await as(app, pia)('POST', `/rooms/${id}/join`))).toEqual([
      403,
      'ROOM_BANNED',
    ]);
    await act(omar, pia, { banned: false });
    expect((await as(app, pia)('POST', `/rooms/${id}/join`)).status).toBe(200);
  });

  it('of public rooms answer to the moderators of the platform, those of private ones do not', async () => {
    const moderator = await createUser(app, { role: 'moderator' });
    const open = await createRoom(app, nina, { others: [omar] });
    const hidden = await createRoom(app, nina, { kind: 'private', others: [omar] });
    const ban = (id: number) =>
      as(app, moderator)('PUT', `/rooms/${id}/members/${omar.id}`, { banned: true });
    expect((await ban(open)).status).toBe(200);
    expect(refusalOf(await ban(hidden))).toEqual([404, 'NOT_FOUND']);
  });

  it('are removed, and may come again', async () => {
    const id = await createRoom(app, nina, { others: [omar] });
    expect((await as(app, nina)('DELETE', `/rooms/${id}/members/${omar.id}`)).status).toBe(200);
    const twice = await as(app, nina)('DELETE', `/rooms/${id}/members/${omar.id}`);
    expect(refusalOf(twice)).toEqual([404, 'NOT_FOUND']);
    expect((await as(app, omar)('POST', `/rooms/${id}/join`)).status).toBe(200);
  });
});

describe('an invite', () => {
  it('lets in as many as it is for, however many come at once', async () => {
    const id = await createRoom(app, nina, { kind: 'private' });
    const { code } = (await as(app, nina)('POST', `/rooms/${id}/invites`, { max_uses: 2 })).json
      .data;
    const guests = await Promise.all(Array.from({ length: 5 }, () => createUser(app)));
    const came = await Promise.all(
      guests.map((guest) => as(app, guest)('POST', `/rooms/invites/${code}/accept`)),
    );
    expect(came.map(({ status }) => status).sort()).toEqual([200, 200, 404, 404, 404]);
    expect(await countOf(id)).toBe(3);
  });

  it('is not used up by those who are in, and is none once taken back or expired', async () => {
    const id = await createRoom(app, nina, { kind: 'private', others: [omar] });
    const { code } = (await as(app, nina)('POST', `/rooms/${id}/invites`, { max_uses: 1 })).json
      .data;
    for (let times = 0; times < 3; times += 1)
      expect((await as(app, omar)('POST', `/rooms/invites/${code}/accept`)).status).toBe(200);
    const { invites } = (await as(app, nina)('GET', `/rooms/${id}/invites`)).json.data;
    expect(invites).toContainEqual(expect.objectContaining({ code, uses: 0 }));
    await as(app, nina)('DELETE', `/rooms/${id}/invites/${code}`);
    const revoked = await as(app, pia)('POST', `/rooms/invites/${code}/accept`);
    expect(refusalOf(revoked)).toEqual([404, 'NOT_FOUND']);
    const timed = (await as(app, nina)('POST', `/rooms/${id}/invites`, {})).json.data.code;
    await query(
      app,
      `update room_invites set expires_at = now() - interval '1 second' where code = '${timed}'`,
    );
    const late = await as(app, pia)('POST', `/rooms/invites/${timed}/accept`);
    expect(refusalOf(late)).toEqual([404, 'NOT_FOUND']);
  });

  it('is for moderators to make, and does not let the banned in', async () => {
    const id = await createRoom(app, nina, { kind: 'private', others: [omar] });
    const byMember = await as(app, omar)('POST', `/rooms/${id}/invites`, {});
    expect(refusalOf(byMember)).toEqual([403, 'FORBIDDEN']);
    await as(app, nina)('PUT', `/rooms/${id}/members/${omar.id}`, { banned: true });
    const { code } = (await as(app, nina)('POST', `/rooms/${id}/invites`, {})).json.data;
    const banned = await as(app, omar)('POST', `/rooms/invites/${code}/accept`);
    expect(refusalOf(banned)).toEqual([403, 'ROOM_BANNED']);
  });
});

describe('a conversation', () => {
  it('is one for two people, whoever opens it and however many at once', async () => {
    const opened = await Promise.all(
      Array.from({ length: 50 }, (_, n) => {
        const [by, peer] = n % 2 ? [nina, omar] : [omar, nina];
        return as(app, by)('POST', '/conversations', { user_id: peer.id });
      }),
    );
    expect(new Set(opened.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(opened.map(({ json }) => json.data.id)).size).toBe(1);
    const [{ id, peer, member_count }] = (await as(app, nina)('GET', '/conversations')).json.data;
    expect([peer, member_count]).toEqual([{ user_id: omar.id, username: omar.username }, 2]);
    expect(refusalOf(await as(app, pia)('GET', `/rooms/${id}`))).toEqual([404, 'NOT_FOUND']);
    for (const [method, path] of [
      ['POST', `/rooms/${id}/leave`],
      ['DELETE', `/rooms/${id}`],
    ] as const)
      expect(refusalOf(await as(app, nina)(method, path))).toEqual([409, 'DIRECT_ROOM']);
  });

  it('is not opened with oneself or with nobody', async () => {
    const self = await as(app, nina)('POST', '/conversations', { user_id: nina.id });
    expect(refusalOf(self)).toEqual([400, 'VALIDATION_ERROR']);
    const nobody = await as(app, nina)('POST', '/conversations', { user_id: 999_999_999 });
    expect(refusalOf(nobody)).toEqual([404, 'NOT_FOUND']);
  });

  it('ends where either has blocked the other, and goes on when that is taken back', async () => {
    const { id } = (await as(app, pia)('POST', '/conversations', { user_id: omar.id })).json.data;
    await as(app, omar)('PUT', `/users/${pia.id}/block`);
    for (const user of [pia, omar]) {
      const refused = await as(app, user)('POST', `/rooms/${id}/messages`, { content: 'hello' });
      expect(refusalOf(refused)).toEqual([403, 'MESSAGES_REFUSED']);
    }
    const again = await as(app, pia)('POST', '/conversations', { user_id: omar.id });
    expect(refusalOf(again)).toEqual([403, 'MESSAGES_REFUSED']);
    await as(app, omar)('DELETE', `/users/${pia.id}/block`);
    const sent = await as(app, pia)('POST', `/rooms/${id}/messages`, { content: 'hello' });
    expect(sent.status).toBe(201);
  });

  it('is not opened with those who want none', async () => {
    const shy = await createUser(app);
    await as(app, shy)('PUT', '/users/me/preferences', { privacy: { allow_dm: 'nobody' } });
    const refused = await as(app, nina)('POST', '/conversations', { user_id: shy.id });
    expect(refusalOf(refused)).toEqual([403, 'MESSAGES_REFUSED']);
  });

  it('does not let those be named who have blocked the author', async () => {
    const quiet = await createUser(app);
    const room = await createRoom(app, nina, { others: [omar, quiet] });
    await as(app, quiet)('PUT', `/users/${omar.id}/block`);
    const content = `@${quiet.username} and @${nina.username}`;
    const { mentions } = await say(app, { by: omar, room, content });
    expect(mentions).toEqual([nina.id]);
  });
});
