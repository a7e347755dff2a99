import { describe, expect, it } from 'vitest';
import { StreamEventType, StreamService } from '#proto/veza/stream/v1/stream_pb.ts';
import { rest } from '#test/calls.ts';
import { createClock, DAY, MINUTE } from '#test/clock.ts';
import { createTrack, createUser, setAccount, setReady, type TestUser } from '#test/factories.ts';
import { callGrpc, grpcApp, openStream } from '#test/grpc.ts';
import { createLiveEvents } from '#test/live-events.ts';
import { query } from '#test/tracks.ts';

const clock = createClock();
const { live, tell, listeners } = createLiveEvents();
const app = await grpcApp({ live, now: clock.now });
const { authorizeStream, reportPlayback, subscribeToStreamEvents } = StreamService.method;
const MISSING = 999_999_999;
const asService = { service: true };

const readyTrack = async (owner: TestUser, columns = "visibility = 'public'") => {
  const track = await createTrack(app, owner);
  await setReady(app, track.id);
  await query(app, `update tracks set ${columns} where id = ${track.id}`);
  return track;
};

/** The parts of a signed address, as a stream server reads them. */
const addressOf = async (id: number, token?: string) => {
  const { json } = await rest(app, `/tracks/${id}/stream-url`, { token });
  const url = new URL(json.data.url);
  return {
    trackId: BigInt(url.pathname.split('/').at(-1) ?? ''),
    userId: BigInt(url.searchParams.get('user') ?? ''),
    expires: BigInt(url.searchParams.get('expires') ?? ''),
    sig: url.searchParams.get('sig') ?? '',
  };
};

const authorize = (
  by: { address: Awaited<ReturnType<typeof addressOf>> } | { id: number },
  call = {},
) =>
  callGrpc(
    app,
    authorizeStream,
    {
      by:
        'id' in by
          ? { case: 'trackId', value: BigInt(by.id) }
          : { case: 'address', value: by.address },
    },
    { ...asService, ...call },
  );

describe('AuthorizeStream', () => {
  it('answers everything that sending the bytes takes', async () => {
    const owner = await createUser(app);
    const { id, size_bytes, sha256 } = await readyTrack(owner, "visibility = 'private'");
    const address = await addressOf(id, owner.token);
    const { message } = await authorize({ address });
    const [row] = await query(app, `select file_path from tracks where id = ${id}`);
    expect(message).toMatchObject({
      trackId: BigInt(id),
      userId: BigInt(owner.id),
      contentType: 'audio/wav',
      sizeBytes: BigInt(size_bytes),
      sha256,
      durationSeconds: 1,
      storageKey: row?.['file_path'],
    });
    expect(message?.expiresAt?.seconds).toBe(address.expires);
  });

  it('knows members by their token, and strangers by none', async () => {
    const [owner, other] = [await createUser(app), await createUser(app)];
    const { id } = await readyTrack(owner, "visibility = 'private'");
    expect((await authorize({ id }, { token: owner.token })).code).toBe('OK');
    const hidden = await authorize({ id }, { token: other.token });
    const missing = await authorize({ id: MISSING }, { token: other.token });
    expect(hidden.refused).toEqual(missing.refused);
    expect(missing.reason).toBe('NOT_FOUND');
    const open = await readyTrack(owner);
    expect((await authorize({ id: open.id })).message?.userId).toBe(0n);
  });

  it('looks at the track and its listener each time', async () => {
    const [owner, listener] = [await createUser(app), await createUser(app)];
    const { id } = await readyTrack(owner);
    const address = await addressOf(id, listener.token);
    expect((await authorize({ address })).code).toBe('OK');
    await rest(app, `/tracks/${id}`, {
      method: 'PUT',
      token: owner.token,
      body: { visibility: 'private' },
    });
    expect((await authorize({ address })).reason).toBe('NOT_FOUND');
    const open = await addressOf((await readyTrack(owner)).id, listener.token);
    await setAccount(app, listener.id, { state: 'banned' });
    expect((await authorize({ address: open })).reason).toBe('NOT_FOUND');
  });

  it('refuses an address that is wrong or has expired', async () => {
    const { id } = await readyTrack(await createUser(app));
    const address = await addressOf(id);
    const wrong = [
      { ...address, sig: 'f'.repeat(64) },
      { ...address, sig: '' },
      { ...address, userId: 1n },
      { ...address, expires: address.expires + 1n },
      { ...address, trackId: address.trackId + 1n },
    ];
    for (const each of wrong)
      expect(await authorize({ address: each })).toMatchObject({
        code: 'PERMISSION_DENIED',
        reason: 'STREAM_URL_INVALID',
      });
    clock.advance(11 * MINUTE);
    expect((await authorize({ address })).reason).toBe('STREAM_URL_INVALID');
  });

  it('is for services alone', async () => {
    const user = await createUser(app);
    const { id } = await readyTrack(user);
    const alone = await authorize({ id }, { service: false, token: user.token });
    expect([alone.code, alone.reason]).toEqual(['PERMISSION_DENIED', 'FORBIDDEN']);
    expect((await authorize({ id }, { service: false })).code).toBe('UNAUTHENTICATED');
    const nothing = await callGrpc(app, authorizeStream, {}, asService);
    expect(nothing.refused?.fields).toEqual(['by']);
  });
});

type Report = Parameters<typeof callGrpc<typeof reportPlayback>>[2];

const report = (request: Report, call = {}) =>
  callGrpc(app, reportPlayback, request, { ...asService, ...call });

describe('ReportPlayback', () => {
  it('counts once per listener and day, however often it is told', async () => {
    const [owner, listener] = [await createUser(app), await createUser(app)];
    const { id } = await readyTrack(owner);
    const by = { case: 'address', value: await addressOf(id, listener.token) } as const;
    expect((await report({ by, listenedSeconds: 0.1 })).message?.counted).toBe(false);
    expect((await report({ by, listenedSeconds: 1 })).message).toMatchObject({
      counted: true,
      playCount: 1n,
    });
    expect((await report({ by, listenedSeconds: 1 })).message).toMatchObject({
      counted: false,
      playCount: 1n,
    });
    const own = { case: 'trackId', value: BigInt(id) } as const;
    const told = await report({ by: own, listenedSeconds: 1 }, { token: owner.token });
    expect(told.message).toMatchObject({ counted: true, playCount: 2n });
  });

  it('takes an address for a day after it has expired', async () => {
    const { id } = await readyTrack(await createUser(app));
    const by = { case: 'address', value: await addressOf(id) } as const;
    const listener = { ipAddress: '203.0.113.7', userAgent: 'player' };
    clock.advance(DAY);
    expect((await report({ by, listenedSeconds: 1, listener })).message?.counted).toBe(true);
    clock.advance(DAY);
    expect((await report({ by, listenedSeconds: 1, listener })).reason).toBe('STREAM_URL_INVALID');
  });

  it('tells strangers apart by what the stream server saw of them', async () => {
    const { id } = await readyTrack(await createUser(app));
    const by = { case: 'trackId', value: BigInt(id) } as const;
    const from = (ipAddress: string) => ({ ipAddress, userAgent: 'player' });
    expect((await report({ by, listenedSeconds: 1 })).refused?.fields).toEqual(['listener']);
    const counts = [];
    for (const ip of ['203.0.113.7', '203.0.113.8', '203.0.113.7'])
      counts.push((await report({ by, listenedSeconds: 1, listener: from(ip) })).message?.counted);
    expect(counts).toEqual([true, true, false]);
    const nowhere = await report({ by, listenedSeconds: 1, listener: from('nowhere') });
    expect(nowhere.refused?.fields).toEqual(['listener.ip_address']);
    expect((await report({ by, listenedSeconds: -1, listener: from('::1') })).reason).toBe(
      'VALIDATION_ERROR',
    );
  });

  it('refuses the plays of suspended accounts, as every other door does', async () => {
    const listener = await createUser(app);
    const { id } = await readyTrack(await createUser(app));
    const by = { case: 'address', value: await addressOf(id, listener.token) } as const;
    await setAccount(app, listener.id, { state: 'suspended' });
    expect((await report({ by, listenedSeconds: 1 })).reason).toBe('ACCOUNT_SUSPENDED');
  });
});

const subscribe = (
  request: { trackIds?: bigint[]; eventTypes?: StreamEventType[] },
  call: { token?: string; service?: boolean } = asService,
) => openStream(app, subscribeToStreamEvents, { request, ...call });

describe('SubscribeToStreamEvents', () => {
  it('tells services what happens, from the first moment on', async () => {
    const all = subscribe({});
    const some = subscribe({ trackIds: [11n], eventTypes: [StreamEventType.TRACK_READY] });
    await Promise.all([all.begun, some.begun]);
    const told = [
      tell({ name: 'track.ready', track_id: 10 }),
      tell({ name: 'track.ready', track_id: 11, payload: { user_id: 7 } }),
      tell({ name: 'track.played', track_id: 11 }),
    ];
    await expect.poll(() => all.messages.length).toBe(3);
    expect(all.messages.map(({ event }) => event?.id)).toEqual(told.map(({ id }) => id));
    await expect.poll(() => some.messages.length).toBe(1);
    expect(some.messages[0]?.event).toMatchObject({
      type: StreamEventType.TRACK_READY,
      trackId: 11n,
      requestId: 'req_test',
      payload: { track_id: 11, user_id: 7 },
    });
    all.stream.cancel();
    some.stream.cancel();
    await expect.poll(listeners).toBe(0);
  });

  it('tells members of tracks that they may see at that moment, and never who listens', async () => {
    const [owner, other] = [await createUser(app), await createUser(app)];
    const { id } = await readyTrack(owner);
    const heard = subscribe({ trackIds: [BigInt(id)] }, { token: other.token });
    const own = subscribe({ trackIds: [BigInt(id)] }, { token: owner.token });
    await Promise.all([heard.begun, own.begun]);
    tell({ name: 'track.played', track_id: id, payload: { user_id: 99 } });
    await expect.poll(() => [heard.messages.length, own.messages.length]).toEqual([1, 1]);
    expect(heard.messages[0]?.event).toMatchObject({ trackId: BigInt(id), requestId: '' });
    expect(heard.messages[0]?.event?.payload).toBeUndefined();
    await rest(app, `/tracks/${id}`, { method: 'DELETE', token: owner.token });
    tell({ name: 'track.removed', track_id: id });
    await expect.poll(() => own.messages.length).toBe(2);
    expect(heard.messages.length).toBe(1);
    heard.stream.cancel();
    own.stream.cancel();
    await expect.poll(listeners).toBe(0);
  });

  it('refuses members who name no track, or one that they may not see', async () => {
    const [owner, other] = [await createUser(app), await createUser(app)];
    const { id } = await readyTrack(owner, "visibility = 'private'");
    const { token } = other;
    expect(await subscribe({}, { token }).ended).toMatchObject({ fields: ['track_ids'] });
    const hidden = await subscribe({ trackIds: [BigInt(id)] }, { token }).ended;
    const missing = await subscribe({ trackIds: [BigInt(MISSING)] }, { token }).ended;
    expect(hidden).toEqual(missing);
    expect(missing).toMatchObject({ code: 'NOT_FOUND', reason: 'NOT_FOUND' });
    expect(await subscribe({}, {}).ended).toMatchObject({ code: 'UNAUTHENTICATED' });
    const many = Array.from({ length: 101 }, (_, at) => BigInt(at + 1));
    expect(await subscribe({ trackIds: many }).ended).toMatchObject({ fields: ['track_ids'] });
  });

  it('ends within a second of the session', async () => {
    const owner = await createUser(app);
    const { id } = await readyTrack(owner);
    const { begun, ended } = subscribe({ trackIds: [BigInt(id)] }, { token: owner.token });
    await begun;
    await rest(app, '/auth/logout', { method: 'POST', token: owner.token });
    expect(await ended).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'UNAUTHENTICATED' });
    await expect.poll(listeners).toBe(0);
  });

  it('ends for a caller who reads too slowly, and keeps nothing for it', async () => {
    const slow = subscribe({});
    await slow.begun;
    slow.stream.pause();
    const note = 'x'.repeat(2000);
    await expect
      .poll(() => {
        for (let at = 0; at < 200; at += 1)
          tell({ name: 'track.updated', track_id: 12, payload: { note } });
        return listeners();
      })
      .toBe(0);
    slow.stream.resume();
    expect(await slow.ended).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'SLOW_READER' });
  });
});
