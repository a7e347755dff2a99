import { beforeAll, describe, expect, it } from 'vitest';
import { refusalOf } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { allowFloods, as, createRoom, say } from '#test/chat.ts';
import { createUser, type TestUser } from '#test/factories.ts';
import { query } from '#test/tracks.ts';

const app = await testApp();
let nina: TestUser;
let omar: TestUser;
let stranger: TestUser;
let room: number;

beforeAll(async () => {
  await allowFloods(app);
  nina = await createUser(app);
  omar = await createUser(app);
  stranger = await createUser(app);
  room = await createRoom(app, nina, { others: [omar] });
});

const seqsOf = async (room_id: number): Promise<number[]> =>
  (await query(app, `select seq from room_events where room_id = ${room_id} order by seq`)).map(
    ({ seq }) => Number(seq),
  );

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

describe('a room is numbered without a gap', () => {
  it('whoever writes, however many at once', async () => {
    const busy = await createRoom(app, nina, { others: [omar] });
    const sent = await Promise.all(
      upTo(60).map((n) => say(app, { by: n % 2 ? nina : omar, room: busy, content: `n ${n}` })),
    );
    const seqs = await seqsOf(busy);
    expect(seqs).toEqual(upTo(62));
    expect(sent.map(({ seq }) => seq).toSorted((a, b) => a - b)).toEqual(seqs.slice(2));
  });

  it('across sends, edits, deletions, reactions, pins and members', async () => {
    const busy = await createRoom(app, nina);
    const { id } = await say(app, { by: nina, room: busy, content: 'first' });
    await Promise.all([
      as(app, omar)('POST', `/rooms/${busy}/join`),
      as(app, nina)('PUT', `/messages/${id}`, { content: 'second' }),
      as(app, nina)('PUT', `/messages/${id}/reactions/${encodeURIComponent('🎧')}`),
      as(app, nina)('PUT', `/messages/${id}/pin`),
      say(app, { by: nina, room: busy, content: 'between' }),
    ]);
    await as(app, nina)('DELETE', `/messages/${id}`);
    await as(app, omar)('POST', `/rooms/${busy}/leave`);
    expect(await seqsOf(busy)).toEqual(upTo(9));
    const { last_seq } = (await as(app, nina)('GET', `/rooms/${busy}`)).json.data;
    expect(last_seq).toBe(9);
  });
});

describe('a client_id', () => {
  it('is one message, however often and at once it is sent', async () => {
    const content = 'only once';
    const client_id = 'once';
    const sent = await Promise.all(
      upTo(40).map(() => say(app, { by: nina, room, content, client_id })),
    );
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1);
    const again = await say(app, { by: nina, room, content, client_id });
    expect(again.id).toBe(sent[0].id);
    expect(await query(app, `select id from messages where client_id = 'once'`)).toHaveLength(1);
  });

  it('with another content, in another room or under another message is refused', async () => {
    const other = await createRoom(app, nina);
    const first = { content: 'as it was', client_id: 'taken' };
    await as(app, nina)('POST', `/rooms/${room}/messages`, first);
    const reused = [
      await as(app, nina)('POST', `/rooms/${room}/messages`, { ...first, content: 'else' }),
      await as(app, nina)('POST', `/rooms/${other}/messages`, first),
    ];
    for (const answer of reused) expect(refusalOf(answer)).toEqual([409, 'CLIENT_ID_REUSED']);
  });

  it('is each sender’s own', async () => {
    const content = 'mine';
    const mine = await say(app, { by: nina, room, content, client_id: 'shared' });
    const yours = await say(app, { by: omar, room, content, client_id: 'shared' });
    expect(mine.id).not.toBe(yours.id);
  });

  it('answers the message after it was edited, and after its author has left', async () => {
    const place = await createRoom(app, nina, { others: [omar] });
    const first = { content: 'as sent', client_id: 'kept' };
    const { id } = await say(app, { by: omar, room: place, ...first });
    await as(app, omar)('PUT', `/messages/${id}`, { content: 'as edited' });
    await as(app, omar)('POST', `/rooms/${place}/leave`);
    const again = await as(app, omar)('POST', `/rooms/${place}/messages`, first);
    expect([again.status, again.json.data.id, again.json.data.content]).toEqual([
      201,
      id,
      'as edited',
    ]);
  });
});

describe('whoever may not speak', () => {
  it.each([
    ['is not a member', async () => stranger, [403, 'NOT_A_MEMBER']],
    [
      'is muted',
      async () => {
        const muted_until = new Date(Date.now() + 60_000).toISOString();
        const muted = await createUser(app);
        await as(app, muted)('POST', `/rooms/${room}/join`);
        await as(app, nina)('PUT', `/rooms/${room}/members/${muted.id}`, { muted_until });
        return muted;
      },
      [403, 'MEMBER_MUTED'],
    ],
    [
      'is banned',
      async () => {
        const banned = await createUser(app);
        await as(app, banned)('POST', `/rooms/${room}/join`);
        await as(app, nina)('PUT', `/rooms/${room}/members/${banned.id}`, { banned: true });
        return banned;
      },
      [403, 'NOT_A_MEMBER'],
    ],
  ])('%s', async (_why, make, refusal) => {
    const user = await make();
    const before = await seqsOf(room);
    const answer = await as(app, user)('POST', `/rooms/${room}/messages`, { content: 'hello' });
    expect(refusalOf(answer)).toEqual(refusal);
    expect(await seqsOf(room)).toEqual(before);
  });

  it('waits in slow mode, but its owner does not', async () => {
    const slow = await createRoom(app, nina, { others: [omar] });
    await as(app, nina)('PUT', `/rooms/${slow}`, { slow_mode_seconds: 30 });
    const answers = await Promise.all(
      upTo(5).map((n) =>
        as(app, omar)('POST', `/rooms/${slow}/messages`, { content: `quick ${n}` }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 429, 429, 429, 429]);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.json.error.code).toBe('SLOW_MODE');
    expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0);
    for (const n of upTo(3)) await say(app, { by: nina, room: slow, content: `owner ${n}` });
    expect((await seqsOf(slow)).length).toBe(2 + 1 + 1 + 3);
  });

  it.each([
    ['nothing', { content: '' }],
    ['only space', { content: ' \n ' }],
    ['too much', { content: 'x'.repeat(4001) }],
    ['half a surrogate', { content: '\ud800' }],
    ['a NUL', { content: 'a\u0000b' }],
    ['as somebody else', { content: 'hello', user_id: 1 }],
  ])('says %s', async (_what, body) => {
    const answer = await as(app, nina)('POST', `/rooms/${room}/messages`, body);
    expect(refusalOf(answer)).toEqual([400, 'VALIDATION_ERROR']);
  });
});

describe('what the rules of the community find', () => {
  it('is starred out, and recorded with its reasons', async () => {
    const { content } = await say(app, { by: omar, room, content: 'you are a b\u0456tch' });
    expect(content).toMatch(/^you are a \*+$/);
    const [decision] = await query(
      app,
      `select action, author_id, findings, text from moderation_decisions where author_id = ${omar.id} order by id desc limit 1`,
    );
    expect(decision).toMatchObject({ action: 'censor', text: null });
    expect(decision?.['findings']).not.toEqual([]);
  });

  it('is refused where it is too much, on sending and on editing, and counts', async () => {
    const troll = await createUser(app);
    await as(app, troll)('POST', `/rooms/${room}/join`);
    const bad = { content: 'look at https://grabify.link/x' };
    const before = await seqsOf(room);
    const refused = await as(app, troll)('POST', `/rooms/${room}/messages`, bad);
    expect(refusalOf(refused)).toEqual([422, 'MESSAGE_BLOCKED']);
    expect(await seqsOf(room)).toEqual(before);
    const { id } = await say(app, { by: troll, room, content: 'harmless' });
    const edited = await as(app, troll)('PUT', `/messages/${id}`, bad);
    expect(refusalOf(edited)).toEqual([422, 'MESSAGE_BLOCKED']);
    const third = await as(app, troll)('POST', `/rooms/${room}/messages`, bad);
    expect(refusalOf(third)).toEqual([422, 'MESSAGE_BLOCKED']);
    const muted = await as(app, troll)('POST', `/rooms/${room}/messages`, { content: 'sorry' });
    expect(refusalOf(muted)).toEqual([403, 'MEMBER_MUTED']);
  });
});

describe('what was said', () => {
  it('can be edited by its author, keeps what it said, and can be looked up', async () => {
    const { id } = await say(app, { by: omar, room, content: 'tpyo' });
    const edited = await as(app, omar)('PUT', `/messages/${id}`, { content: 'typo' });
    expect(edited.json.data).toMatchObject({ content: 'typo', edited_at: expect.any(String) });
    const { edits } = (await as(app, nina)('GET', `/messages/${id}/edits`)).json.data;
    expect(edits).toMatchObject([{ content: 'tpyo' }]);
    const other = await as(app, nina)('PUT', `/messages/${id}`, { content: 'not mine' });
    expect(refusalOf(other)).toEqual([403, 'FORBIDDEN']);
    const bystander = await as(app, stranger)('GET', `/messages/${id}/edits`);
    expect(refusalOf(bystander)).toEqual([403, 'FORBIDDEN']);
  });

  it('leaves a tombstone when it is deleted, and nothing of what it said', async () => {
    const { id } = await say(app, { by: omar, room, content: 'secret one' });
    await as(app, omar)('PUT', `/messages/${id}`, { content: 'secret two' });
    await as(app, nina)('PUT', `/messages/${id}/reactions/${encodeURIComponent('👍')}`);
    const byOther = await as(app, stranger)('DELETE', `/messages/${id}`);
    expect(refusalOf(byOther)).toEqual([403, 'FORBIDDEN']);
    const buried = (await as(app, omar)('DELETE', `/messages/${id}`)).json.data;
    expect(buried).toMatchObject({ content: null, reactions: [], deleted_at: expect.any(String) });
    const tables = ['messages', 'message_edits', 'room_events'];
    for (const table of tables)
      expect(
        await query(app, `select * from ${table} t where t::text like '%secret one%'`),
      ).toEqual([]);
    const again = await as(app, omar)('DELETE', `/messages/${id}`);
    expect(again.json.data.deleted_at).toBe(buried.deleted_at);
  });

  it('carries each reaction of each member once', async () => {
    const { id } = await say(app, { by: omar, room, content: 'react' });
    const path = `/messages/${id}/reactions/${encodeURIComponent('🎧')}`;
    await Promise.all([as(app, nina)('PUT', path), as(app, nina)('PUT', path)]);
    const { reactions } = (await as(app, omar)('PUT', path)).json.data;
    expect(reactions).toEqual([{ emoji: '🎧', count: 2, user_ids: [nina.id, omar.id] }]);
    await as(app, nina)('DELETE', path);
    const left = (await as(app, omar)('DELETE', path)).json.data;
    expect(left.reactions).toEqual([]);
    for (const no of ['x', '1', '👍a', '<b>'])
      expect(
        refusalOf(
          await as(app, nina)('PUT', `/messages/${id}/reactions/${encodeURIComponent(no)}`),
        ),
      ).toEqual([400, 'VALIDATION_ERROR']);
  });

  it('has at most twenty kinds of reaction', async () => {
    const { id } = await say(app, { by: omar, room, content: 'many' });
    const put = (n: number) => {
      const emoji = encodeURIComponent(String.fromCodePoint(0x1f600 + n));
      return as(app, nina)('PUT', `/messages/${id}/reactions/${emoji}`);
    };
    for (const n of upTo(20)) expect((await put(n)).status).toBe(200);
    expect(refusalOf(await put(21))).toEqual([409, 'TOO_MANY_REACTIONS']);
    expect((await put(3)).status).toBe(200);
  });

  it('is pinned by those who moderate', async () => {
    const { id } = await say(app, { by: omar, room, content: 'pin me' });
    const byMember = await as(app, omar)('PUT', `/messages/${id}/pin`);
    expect(refusalOf(byMember)).toEqual([403, 'FORBIDDEN']);
    const pinned = await as(app, nina)('PUT', `/messages/${id}/pin`);
    expect(pinned.json.data.pinned_at).toEqual(expect.any(String));
    const unpinned = await as(app, nina)('DELETE', `/messages/${id}/pin`);
    expect(unpinned.json.data.pinned_at).toBeNull();
  });

  it('replies to messages of its own room', async () => {
    const { id } = await say(app, { by: omar, room, content: 'question' });
    const elsewhere = await createRoom(app, nina);
    const body = { content: 'answer', reply_to: id };
    const reply = await as(app, nina)('POST', `/rooms/${room}/messages`, body);
    expect(reply.json.data.reply_to).toBe(id);
    const astray = await as(app, nina)('POST', `/rooms/${elsewhere}/messages`, body);
    expect(refusalOf(astray)).toEqual([404, 'NOT_FOUND']);
  });
});

describe('what is unread', () => {
  it('counts messages and mentions of others, and neither own nor deleted ones', async () => {
    const place = await createRoom(app, nina, { others: [omar] });
    const mine = async () => {
      const { data } = (await as(app, omar)('GET', '/rooms/mine')).json;
      const own = data.find(({ id }: { id: number }) => id === place);
      return [own.unread_count, own.mention_count];
    };
    expect(await mine()).toEqual([0, 0]);
    const named = `look @${omar.username.toUpperCase()}, and @nobody`;
    const { id, mentions } = await say(app, { by: nina, room: place, content: named });
    expect(mentions).toEqual([omar.id]);
    await say(app, { by: nina, room: place, content: 'and more' });
    await say(app, { by: omar, room: place, content: `I am @${omar.username}` });
    expect(await mine()).toEqual([2, 1]);
    await as(app, nina)('DELETE', `/messages/${id}`);
    expect(await mine()).toEqual([1, 0]);
    const { last_seq } = (await as(app, omar)('GET', `/rooms/${place}`)).json.data;
    const marked = await as(app, omar)('POST', `/rooms/${place}/read`, { seq: last_seq + 99 });
    expect(marked.json.data).toEqual({ read_seq: last_seq, unread_count: 0, mention_count: 0 });
    const back = await as(app, omar)('POST', `/rooms/${place}/read`, { seq: 1 });
    expect(back.json.data.read_seq).toBe(last_seq);
  });
});

describe('history', () => {
  it('is read in both directions, around a message, by page and by cursor', async () => {
    const place = await createRoom(app, nina);
    const sent = [];
    for (const n of upTo(25))
      sent.push(await say(app, { by: nina, room: place, content: `m${n}` }));
    const ids = sent.map(({ id }) => id);
    const read = async (rest: string) => {
      const { json } = await as(app, stranger)('GET', `/rooms/${place}/messages?${rest}`);
      return { ids: json.data.map(({ id }: { id: number }) => id), page: json.pagination };
    };
    const [, , third] = sent;
    expect((await read('limit=5')).ids).toEqual(ids.toReversed().slice(0, 5));
    expect((await read(`limit=3&before=${third.seq}`)).ids).toEqual([ids[1], ids[0]]);
    expect((await read(`limit=3&after=${third.seq}`)).ids).toEqual(ids.slice(3, 6));
    expect((await read(`limit=5&around=${ids[10]}`)).ids).toEqual(ids.slice(8, 13));
    const walked: number[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const step = await read(`limit=7&cursor=${cursor}`);
      walked.push(...step.ids);
      cursor = step.page.next_cursor;
    }
    expect(walked).toEqual(ids.toReversed());
    const both = await as(app, nina)('GET', `/rooms/${place}/messages?before=3&after=1`);
    expect(refusalOf(both)).toEqual([400, 'VALIDATION_ERROR']);
  });

  it('of a private room is nobody else’s, and looks like none', async () => {
    const hidden = await createRoom(app, nina, { kind: 'private', others: [omar] });
    const { id } = await say(app, { by: nina, room: hidden, content: 'between us' });
    for (const path of [`/rooms/${hidden}`, `/rooms/${hidden}/messages`, `/messages/${id}/edits`])
      expect(refusalOf(await as(app, stranger)('GET', path))).toEqual([404, 'NOT_FOUND']);
    const attempts = [
      await as(app, stranger)('POST', `/rooms/${hidden}/join`),
      await as(app, stranger)('POST', `/rooms/${hidden}/messages`, { content: 'let me in' }),
      await as(app, stranger)('PUT', `/messages/${id}`, { content: 'changed' }),
      await as(app, stranger)('DELETE', `/messages/${id}`),
      await as(app, stranger)('PUT', `/messages/${id}/pin`),
    ];
    for (const answer of attempts) expect(refusalOf(answer)).toEqual([404, 'NOT_FOUND']);
  });
});
