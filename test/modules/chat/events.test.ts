import { beforeAll, expect, it } from 'vitest';
import { testApp, type TestApp } from '#test/app.ts';
import { rest } from '#test/calls.ts';
import { allowFloods, as, createRoom, say } from '#test/chat.ts';
import { openStream, type Streamed } from '#test/event-stream.ts';
import { createUser, type TestUser } from '#test/factories.ts';

const one = await testApp();
const other = await testApp({ beside: one });
let urls: { one: string; other: string };
let nina: TestUser;
let omar: TestUser;

const listen = async (app: TestApp): Promise<string> => app.http.listen({ port: 0 });

beforeAll(async () => {
  await allowFloods(one);
  urls = { one: await listen(one), other: await listen(other) };
  nina = await createUser(one);
  omar = await createUser(one);
});

const addressOf = (url: string, input: object): string =>
  `${url}/trpc/chat.events?input=${encodeURIComponent(JSON.stringify(input))}`;

const follow = (url: string, { token }: TestUser, input: object = {}) =>
  openStream(addressOf(url, input), { authorization: `Bearer ${token}` });

type Told = { type: string; room_id: number; seq: number; data: { content?: string } };

const toldIn = (events: readonly Streamed[], room: number): Told[] =>
  events.flatMap(({ data }) => {
    const told = data as Told | undefined;
    return told?.room_id === room ? [told] : [];
  });

const seqsIn = (events: readonly Streamed[], room: number): number[] =>
  toldIn(events, room).map(({ seq }) => seq);

const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** The stream has begun when it has told of its place. */
const began = (events: readonly Streamed[]) =>
  expect.poll(() => events.some(({ event }) => event === 'connected')).toBe(true);

it('everything that happens in a room is told in order, in every process', async () => {
  const room = await createRoom(one, nina, { others: [omar] });
  const near = await follow(urls.one, nina);
  const far = await follow(urls.other, nina);
  await Promise.all([began(near.events), began(far.events)]);
  await Promise.all(
    upTo(40).map((n) =>
      say(n % 2 ? one : other, { by: n % 3 ? nina : omar, room, content: `m${n}` }),
    ),
  );
  const last = (await rest(one, `/rooms/${room}`, { token: nina.token })).json.data.last_seq;
  for (const { events } of [near, far]) {
    await expect.poll(() => seqsIn(events, room).at(-1)).toBe(last);
    const seqs = seqsIn(events, room);
    expect(seqs).toEqual(upTo(last, seqs[0]));
  }
});

it('whoever comes back is told what was missed, once, and then what happens', async () => {
  const room = await createRoom(one, nina, { others: [omar] });
  const first = await follow(urls.one, nina, { room_ids: [room] });
  await began(first.events);
  for (const n of upTo(5)) await say(one, { by: omar, room, content: `a${n}` });
  await expect.poll(() => toldIn(first.events, room).length).toBeGreaterThanOrEqual(5);
  const [, , third] = first.events.filter(({ id }) => id !== undefined);
  first.close();
  for (const n of upTo(5)) await say(other, { by: omar, room, content: `b${n}` });

  const input = { room_ids: [room], lastEventId: third?.id };
  const second = await follow(urls.other, nina, input);
  await say(one, { by: omar, room, content: 'live' });
  await expect.poll(() => toldIn(second.events, room).at(-1)?.data.content).toBe('live');
  const seqs = seqsIn(second.events, room);
  const { seq: after } = (third as Streamed).data as Told;
  expect(seqs).toEqual(upTo(seqs.at(-1) ?? 0, after + 1));
});

it('what was deleted meanwhile is not told again', async () => {
  const room = await createRoom(one, nina, { others: [omar] });
  const first = await follow(urls.one, nina, { room_ids: [room] });
  await began(first.events);
  await say(one, { by: omar, room, content: 'first' });
  await expect.poll(() => toldIn(first.events, room).length).toBe(1);
  const lastEventId = first.events.findLast(({ id }) => id !== undefined)?.id;
  first.close();
  const { id } = await say(one, { by: omar, room, content: 'regretted' });
  await as(one, omar)('DELETE', `/messages/${id}`);
  const second = await follow(urls.one, nina, { room_ids: [room], lastEventId });
  await expect.poll(() => toldIn(second.events, room).at(-1)?.type).toBe('message_deleted');
  expect(JSON.stringify(second.events)).not.toContain('regretted');
});

it('those who come are told from then on, and those who are removed no more', async () => {
  const room = await createRoom(one, nina, { kind: 'private' });
  const { events } = await follow(urls.other, omar);
  await began(events);
  const { code } = (await as(one, nina)('POST', `/rooms/${room}/invites`, {})).json.data;
  await as(other, omar)('POST', `/rooms/invites/${code}/accept`);
  await expect.poll(() => toldIn(events, room).map(({ type }) => type)).toContain('member_joined');
  await say(one, { by: nina, room, content: 'welcome' });
  await expect.poll(() => toldIn(events, room).at(-1)?.data.content).toBe('welcome');
  await as(one, nina)('DELETE', `/rooms/${room}/members/${omar.id}`);
  await say(one, { by: nina, room, content: 'he is gone' });
  await expect.poll(() => toldIn(events, room).at(-1)?.type).toBe('member_left');
  expect(JSON.stringify(events)).not.toContain('he is gone');
});

it('a room that may not be read is refused, and so is whoever is nobody', async () => {
  const room = await createRoom(one, nina, { kind: 'private' });
  const refusals = [
    await follow(urls.one, omar, { room_ids: [room] }),
    await openStream(addressOf(urls.one, {})),
    await follow(urls.one, omar, { lastEventId: 'not ours' }),
  ];
  for (const { events, ended } of refusals) {
    await ended;
    expect(events.map(({ event }) => event)).toContain('serialized-error');
  }
  expect(JSON.stringify(refusals[0]?.events)).toContain('NOT_FOUND');
  expect(JSON.stringify(refusals[1]?.events)).toContain('UNAUTHENTICATED');
  expect(JSON.stringify(refusals[2]?.events)).toContain('VALIDATION_ERROR');
});

it('a token beside the input signs in, and the end of its session ends the stream', async () => {
  const user = await createUser(one);
  const params = encodeURIComponent(JSON.stringify({ token: user.token }));
  const stream = await openStream(`${addressOf(urls.one, {})}&connectionParams=${params}`);
  await began(stream.events);
  await as(other, user)('POST', '/auth/logout');
  await stream.ended;
  expect(JSON.stringify(stream.events)).toContain('UNAUTHENTICATED');
});
