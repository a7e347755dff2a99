import { createHmac } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { http, rest, trpc } from '#test/calls.ts';
import { createUser, createWav, setAccount, setReady, type TestUser } from '#test/factories.ts';
import { audio, pathOf, play, query, upload, withoutMeta } from '#test/tracks.ts';

const STREAM_SECRET = 'a secret that stream servers share with us';
let moved_ms = 0;

const app = await testApp({
  environment: { STREAM_SECRET, JWT_EXPIRATION_TIME: '1d' },
  now: () => new Date(Date.now() + moved_ms),
});
const [owner, other] = [await createUser(app), await createUser(app)];

beforeEach(() => {
  moved_ms = 0;
});

const created = async (fields: Record<string, string> = {}, user: TestUser = owner) => {
  const content = createWav();
  const { json } = await upload(app, user, { content, filename: 'Dusk.wav' }, fields);
  await setReady(app, json.data.id);
  return { id: json.data.id as number, content };
};

const get = (path: string, user?: TestUser, headers: Record<string, string> = {}) =>
  rest(app, path, { token: user?.token, headers });

describe('a stream', () => {
  it('is the bytes that were uploaded, with what players need to seek', async () => {
    const { id, content } = await created();
    const whole = await get(`/tracks/${id}/stream`);
    expect(whole.status).toBe(200);
    expect(whole.bytes.equals(content)).toBe(true);
    expect(whole.headers).toMatchObject({
      'content-type': 'audio/wav',
      'content-length': String(content.length),
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-cache',
      'x-content-type-options': 'nosniff',
    });
    expect(whole.headers).not.toHaveProperty('content-disposition');

    const range = async (range: string) => get(`/tracks/${id}/stream`, undefined, { range });
    const last = content.length - 1;
    const part = await range('bytes=100-199');
    expect([part.status, part.headers['content-range']]).toEqual([
      206,
      `bytes 100-199/${content.length}`,
    ]);
    expect(part.bytes.equals(content.subarray(100, 200))).toBe(true);
    expect((await range('bytes=-10')).bytes.equals(content.subarray(-10))).toBe(true);
    expect((await range(`bytes=${last}-`)).bytes.equals(content.subarray(last))).toBe(true);
    const beyond = await range(`bytes=${content.length}-`);
    expect([beyond.status, beyond.headers['content-range']]).toEqual([
      416,
      `bytes */${content.length}`,
    ]);
  });

  it('is not sent again to who has it, and its parts are those of one version', async () => {
    const { id, content } = await created();
    const path = `/tracks/${id}/stream`;
    const etag = String((await get(path)).headers.etag);
    expect(etag).toMatch(/^"[0-9a-f]{64}"$/);
    expect((await get(path, undefined, { 'if-none-match': etag })).status).toBe(304);
    const range = 'bytes=0-9';
    expect((await get(path, undefined, { range, 'if-range': etag })).bytes).toHaveLength(10);
    const stale = await get(path, undefined, { range, 'if-range': '"other"' });
    expect([stale.status, stale.bytes.length]).toEqual([200, content.length]);
    expect((await get(path, undefined, { 'if-match': '"other"' })).status).toBe(412);
  });

  it('is described to HEAD, which has no ranges', async () => {
    const { id, content } = await created();
    const headers = { range: 'bytes=0-9' };
    const head = await rest(app, `/tracks/${id}/stream`, { method: 'HEAD', headers });
    expect([head.status, head.bytes.length]).toEqual([200, 0]);
    expect(head.headers['content-length']).toBe(String(content.length));
  });

  it('is a link over tRPC, which plays', async () => {
    const { id, content } = await created({ visibility: 'private' });
    const { json } = await trpc(app, 'tracks.stream', { input: { id }, token: owner.token });
    const { url, expires_at, ...rest } = json.result.data;
    expect(rest).toEqual({ content_type: 'audio/wav', size_bytes: content.length });
    expect(Date.parse(expires_at)).toBeGreaterThan(Date.now());
    expect((await play(app, url)).bytes.equals(content)).toBe(true);
    const theirs = await trpc(app, 'tracks.stream', { input: { id }, token: other.token });
    expect(theirs.json.error.data.code).toBe('NOT_FOUND');
  });

  it('of what is not audio is refused by its id alone', async () => {
    const { status, json } = await get('/tracks/none/stream');
    expect([status, json.error.code]).toEqual([400, 'VALIDATION_ERROR']);
    expect((await get('/tracks/999999999/stream')).json.error.code).toBe('NOT_FOUND');
  });
});

describe('a download', () => {
  it('is for others when the owner allows it, and always for the owner', async () => {
    const closed = await created();
    const open = await created({ is_downloadable: 'true' });
    for (const caller of [other, undefined]) {
      const refused = await get(`/tracks/${closed.id}/download`, caller);
      expect([refused.status, refused.json.error.code]).toEqual([403, 'FORBIDDEN']);
      const taken = await get(`/tracks/${open.id}/download`, caller);
      expect(taken.bytes.equals(open.content)).toBe(true);
      expect(taken.headers['content-disposition']).toBe('attachment; filename="Dusk.wav"');
    }
    expect((await get(`/tracks/${closed.id}/download`, owner)).status).toBe(200);
  });

  it('of what others may not see is absent, not forbidden', async () => {
    const { id } = await created({ visibility: 'private', is_downloadable: 'true' });
    const missing = withoutMeta(await get('/tracks/999999999/download', other));
    expect(withoutMeta(await get(`/tracks/${id}/download`, other))).toEqual(missing);
  });

  it('by the link of tRPC is an attachment, as long as it is allowed', async () => {
    const { id, content } = await created({ is_downloadable: 'true' });
    const { json } = await trpc(app, 'tracks.download', { input: { id }, token: other.token });
    const taken = await play(app, json.result.data.url);
    expect(taken.bytes.equals(content)).toBe(true);
    expect(taken.headers['content-disposition']).toContain('attachment');
    const body = { is_downloadable: false };
    await rest(app, `/tracks/${id}`, { method: 'PUT', token: owner.token, body });
    expect((await play(app, json.result.data.url)).json.error.code).toBe('FORBIDDEN');
  });

  it.each([
    ['page.html', 'tone.mp3', 'page.mp3'],
    ['run.exe', 'tone.flac', 'run.flac'],
    ['Long.WAVE', 'tone.wav', 'Long.wav'],
    ['raw.aac', 'tone.aac', 'raw.aac'],
    ['a\u0007b.mp3', 'tone.opus', 'ab.opus'],
  ])('is named by what it is: %s', async (filename, fixture, expected) => {
    const user = await createUser(app);
    const { json } = await upload(app, user, { content: await audio(fixture), filename });
    const { headers } = await get(`/tracks/${json.data.id}/download`, user);
    expect(headers['content-disposition']).toContain(`filename="${expected}"`);
  });

  it('has a name of one line, whatever the title', async () => {
    const { id } = await created({ title: 'Été "n°1" /\\ 🎧', is_downloadable: 'true' });
    const { headers } = await get(`/tracks/${id}/download`);
    const name = /filename\*=UTF-8''(\S+)$/.exec(String(headers['content-disposition']))?.[1];
    expect(decodeURIComponent(name ?? '')).toBe('Été "n°1" __ 🎧.wav');
  });
});

/** The parts of a signed address, to be put together again otherwise. */
const signedFor = async (id: number, user?: TestUser) => {
  const { json } = await get(`/tracks/${id}/stream-url`, user);
  const { pathname, searchParams } = new URL(json.data.url, 'http://localhost');
  return {
    pathname,
    ...(Object.fromEntries(searchParams) as Record<'user' | 'expires' | 'sig', string>),
  };
};

type Signed = Awaited<ReturnType<typeof signedFor>>;

const open = ({ pathname, ...search }: Partial<Signed>) =>
  http(app, `${pathname}?${new URLSearchParams(search).toString()}`);

describe('a signed address', () => {
  it('plays without a token, whole, by range and for HEAD', async () => {
    const { id, content } = await created();
    const { url, expires_at } = (await get(`/tracks/${id}/stream-url`, other)).json.data;
    expect(Date.parse(expires_at) - Date.now()).toBeGreaterThan(598_000);
    expect((await play(app, url)).bytes.equals(content)).toBe(true);
    const part = await play(app, url, { range: 'bytes=5-9' });
    expect([part.status, part.bytes.equals(content.subarray(5, 10))]).toEqual([206, true]);
    const head = await http(app, pathOf(url), { method: 'HEAD' });
    expect([head.status, head.headers['content-length']]).toEqual([200, String(content.length)]);
  });

  it('is signed as the contract says, for user 0 when a stranger asks', async () => {
    const { id } = await created();
    const { pathname, user, expires, sig } = await signedFor(id);
    const text = `v1\n${id}\n0\n${expires}`;
    expect([pathname, user]).toEqual([`/stream/${id}`, '0']);
    expect(sig).toBe(createHmac('sha256', STREAM_SECRET).update(text).digest('hex'));
    expect((await signedFor(id, other)).user).toBe(String(other.id));
  });

  it('is not kept by anyone on the way', async () => {
    const { id } = await created();
    const { headers } = await get(`/tracks/${id}/stream-url`);
    const wire = await trpc(app, 'tracks.streamUrl', { input: { id } });
    expect(headers['cache-control']).toBe('no-store');
    expect(wire.headers['cache-control']).toBe('no-store');
  });

  it('ends after ten minutes, and is renewed by asking', async () => {
    const { id } = await created();
    const signed = await signedFor(id, other);
    moved_ms = 599_000;
    expect((await open(signed)).status).toBe(200);
    moved_ms = 601_000;
    const late = await open(signed);
    expect([late.status, late.json.error.code]).toEqual([403, 'STREAM_URL_INVALID']);
    expect((await open(await signedFor(id, other))).status).toBe(200);
  });

  const tampered: [string, (signed: Signed, more: { id: number }) => Partial<Signed>][] = [
    ['another track', (signed, { id }) => ({ ...signed, pathname: `/stream/${id}` })],
    ['no track', (signed) => ({ ...signed, pathname: '/stream/x' })],
    ['another user', (signed) => ({ ...signed, user: '1' })],
    ['a user written otherwise', (signed) => ({ ...signed, user: `0${signed.user}` })],
    ['a later end', (signed) => ({ ...signed, expires: String(Number(signed.expires) + 1) })],
    ['no end', ({ pathname, user, sig }) => ({ pathname, user, sig })],
    ['an end that is no number', (signed) => ({ ...signed, expires: '1e99' })],
    [
      'another signature',
      (signed) => ({ ...signed, sig: signed.sig.replace(/^./, (c) => (c === '0' ? '1' : '0')) }),
    ],
    ['a short signature', (signed) => ({ ...signed, sig: signed.sig.slice(0, 32) })],
    ['an upper-case signature', (signed) => ({ ...signed, sig: signed.sig.toUpperCase() + 'A' })],
    ['no signature', ({ pathname, user, expires }) => ({ pathname, user, expires })],
    ['more than it has', (signed) => ({ ...signed, extra: '1' }) as Partial<Signed>],
  ];

  it.each(tampered)('with %s is refused', async (_, tamper) => {
    const { id } = await created();
    const answer = await open(tamper(await signedFor(id, other), await created()));
    expect([answer.status, answer.json.error.code]).toEqual([403, 'STREAM_URL_INVALID']);
  });

  it('given twice is refused', async () => {
    const { pathname, ...search } = await signedFor((await created()).id);
    const twice = await http(app, `${pathname}?${new URLSearchParams(search).toString()}&user=0`);
    expect([twice.status, twice.json.error.code]).toEqual([403, 'STREAM_URL_INVALID']);
  });

  it('does not outlive the right to hear', async () => {
    const { id } = await created();
    const [theirs, anyones, mine] = [
      await signedFor(id, other),
      await signedFor(id),
      await signedFor(id, owner),
    ];
    const body = { visibility: 'private' };
    await rest(app, `/tracks/${id}`, { method: 'PUT', token: owner.token, body });
    expect((await open(theirs)).json.error.code).toBe('NOT_FOUND');
    expect((await open(anyones)).status).toBe(404);
    expect((await open(mine)).status).toBe(200);
    await rest(app, `/tracks/${id}`, { method: 'DELETE', token: owner.token });
    expect((await open(mine)).status).toBe(404);
  });

  it('does not outlive the account it was signed for, nor that of the owner', async () => {
    const [listener, artist] = [await createUser(app), await createUser(app)];
    const { id } = await created({}, artist);
    const [theirs, anyones] = [await signedFor(id, listener), await signedFor(id)];
    await setAccount(app, listener.id, { state: 'banned' });
    expect((await open(theirs)).status).toBe(404);
    expect((await open(anyones)).status).toBe(200);
    await setAccount(app, artist.id, { state: 'banned' });
    const status = async () => (await open(anyones)).status;
    await expect.poll(status, { timeout: 1000, interval: 20 }).toBe(404);
  });

  it('is not given for what the caller may not hear', async () => {
    const { id } = await created({ visibility: 'private' });
    expect((await get(`/tracks/${id}/stream-url`, other)).json.error.code).toBe('NOT_FOUND');
    expect((await get(`/tracks/${id}/stream-url`)).json.error.code).toBe('NOT_FOUND');
  });
});

it('a waveform that was not made is null', async () => {
  const { id } = await created();
  const { json } = await get(`/tracks/${id}/waveform`);
  expect(json.data).toEqual({ peaks: null, duration_seconds: 1 });
  const wire = await trpc(app, 'tracks.waveform', { input: { id } });
  expect(wire.json.result.data).toEqual(json.data);
});

it('a waveform has the peaks that were made', async () => {
  const { id } = await created();
  await query(
    app,
    `insert into track_waveforms select ${id}, array_agg(0.5::real) from generate_series(1, 800)`,
  );
  const { json } = await get(`/tracks/${id}/waveform`);
  expect(json.data.peaks).toEqual(Array.from({ length: 800 }, () => 0.5));
});
