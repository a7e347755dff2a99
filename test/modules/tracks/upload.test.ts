import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { Client } from 'pg';
import { describe, expect, it, vi } from 'vitest';
import { testApp } from '#test/app.ts';
import { form, rest, trpc } from '#test/calls.ts';
import { createTrack, createUser, createWav, setAccount } from '#test/factories.ts';
import { audio, filesOf, keptBy, query, sha256, upload } from '#test/tracks.ts';

const MOST_BYTES = 200_000;

const app = await testApp({ environment: { UPLOAD_MAX_BYTES: String(MOST_BYTES) } });
const owner = await createUser(app);

const boundary = 'veza-test-boundary';
const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };

type Part = { name: string; filename?: string; value: Buffer | string };

const partOf = ({ name, filename, value }: Part): Buffer => {
  const file = filename === undefined ? '' : `; filename="${filename}"`;
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${file}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(value), Buffer.from('\r\n')]);
};

/** Parts in the order given, which `form` does not promise. */
const ordered = (...parts: Part[]) => ({
  body: Buffer.concat([...parts.map(partOf), Buffer.from(`--${boundary}--\r\n`)]),
  headers,
});

const post = (body: { body: Buffer; headers: Record<string, string> }, token = owner.token) =>
  rest(app, '/tracks', { method: 'POST', token, ...body });

const wav = createWav();
const file = { name: 'file', filename: 'a.wav', value: wav };

describe('an upload', () => {
  it('is answered 201 with the track, its place and its version', async () => {
    const content = createWav();
    const { status, json, headers } = await upload(app, owner, { content, filename: 'Dusk.wav' });
    expect(status).toBe(201);
    expect(json.data).toMatchObject({
      user_id: owner.id,
      username: owner.username,
      title: 'Dusk',
      status: 'processing',
      failure_code: null,
      format: 'wav',
      visibility: 'public',
      is_downloadable: false,
      tags: [],
      size_bytes: content.length,
      sha256: sha256(content),
      duration_seconds: null,
      play_count: 0,
      duplicate: false,
      version: 1,
    });
    expect(headers).toMatchObject({
      location: `/api/v1/tracks/${json.data.id}`,
      etag: '"v1"',
    });
    expect(Object.keys(json.data)).not.toContain('file_path');
  });

  it('may carry what the owner says of it, read by its type', async () => {
    const fields = {
      title: ' Night drive ',
      artist: 'Somebody',
      album: 'Roads',
      description: 'Two\nlines',
      genre: 'Synthwave',
      year: '2021',
      tags: ['night', 'drive'],
      license: 'CC-BY-4.0',
      visibility: 'unlisted',
      is_downloadable: 'true',
      bpm: '120.5',
      musical_key: 'Am',
    };
    const { status, json } = await upload(app, owner, { content: createWav() }, fields);
    expect(status).toBe(201);
    expect(json.data).toMatchObject({
      ...fields,
      title: 'Night drive',
      year: 2021,
      is_downloadable: true,
      bpm: 120.5,
    });
  });

  it('takes one tag as a list of one', async () => {
    const { json } = await upload(app, owner, { content: createWav() }, { tags: 'dub' });
    expect(json.data.tags).toEqual(['dub']);
  });

  it.each(['file', 'audio'])('is taken in the field %s', async (name) => {
    expect((await upload(app, owner, { content: createWav(), name })).status).toBe(201);
  });

  it('has its file first or last among the fields', async () => {
    const [first, second] = [
      { ...file, value: createWav() },
      { ...file, value: createWav() },
    ];
    const title = { name: 'title', value: 'Beside it' };
    const answers = [await post(ordered(first, title)), await post(ordered(title, second))];
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    expect(answers.map(({ json }) => json.data.title)).toEqual(['Beside it', 'Beside it']);
  });

  it.each([
    ['tone.mp3', 'mp3'],
    ['tone.wav', 'wav'],
    ['tone.flac', 'flac'],
    ['tone.ogg', 'ogg'],
    ['tone.opus', 'opus'],
    ['tone.m4a', 'm4a'],
    ['tone.aac', 'm4a'],
    ['tone.aiff', 'aiff'],
  ])('%s is %s by its content, whatever its name', async (name, format) => {
    const content = await audio(name);
    const { status, json } = await upload(app, owner, { content, filename: 'a.txt' });
    expect([status, json.data.format]).toEqual([201, format]);
  });

  it('is taken over tRPC from the same form', async () => {
    const content = createWav();
    const { body, headers } = form({ content, filename: 'Wire.wav' }, { year: '1999' });
    const call = { token: owner.token, headers };
    const first = await app.http.inject({
      method: 'POST',
      url: '/trpc/tracks.upload',
      headers: { ...headers, authorization: `Bearer ${owner.token}` },
      payload: body,
    });
    expect(first.statusCode).toBe(200);
    expect(first.json().result.data).toMatchObject({
      title: 'Wire',
      year: 1999,
      sha256: sha256(content),
      duplicate: false,
    });
    const again = await rest(app, '/tracks', { method: 'POST', ...call, body });
    expect([again.status, again.json.data.duplicate]).toEqual([200, true]);
  });
});

describe('the same bytes', () => {
  it('from the same owner answer the track they are, unchanged', async () => {
    const content = createWav();
    const first = await upload(app, owner, { content }, { title: 'First' });
    const kept = await keptBy(app);
    const second = await upload(app, owner, { content }, { title: 'Second' });
    expect(second.status).toBe(200);
    expect(second.json.data).toEqual({ ...first.json.data, duplicate: true });
    expect(await keptBy(app)).toEqual(kept);
  });

  it('uploaded twice at once become one track', async () => {
    const content = createWav();
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => upload(app, owner, { content })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ json }) => json.data.duplicate)).toHaveLength(5);
    expect(new Set(answers.map(({ json }) => json.data.id)).size).toBe(1);
    const rows = await query(app, `select id from tracks where sha256 = '${sha256(content)}'`);
    expect(rows).toHaveLength(1);
  });

  it('of two owners are kept once and neither learns of the other', async () => {
    const content = createWav();
    const other = await createUser(app);
    const [mine, theirs] = await Promise.all([
      upload(app, owner, { content }, { title: 'Mine' }),
      upload(app, other, { content }, { title: 'Theirs' }),
    ]);
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(theirs.json.data).toMatchObject({ user_id: other.id, title: 'Theirs' });
    expect(theirs.json.data.id).not.toBe(mine.json.data.id);
    const digest = sha256(content);
    expect((await filesOf(app)).filter((path) => path.endsWith(digest))).toHaveLength(1);
  });

  it('of a deleted track are a new one', async () => {
    const content = createWav();
    const { json: first } = await upload(app, owner, { content });
    await rest(app, `/tracks/${first.data.id}`, { method: 'DELETE', token: owner.token });
    const second = await upload(app, owner, { content });
    expect([second.status, second.json.data.duplicate]).toEqual([201, false]);
    expect(second.json.data.id).not.toBe(first.data.id);
  });

  it('with the same idempotency key are replayed', async () => {
    const body = form({ content: createWav() });
    const keyed = { ...body, headers: { ...body.headers, 'idempotency-key': 'once' } };
    const first = await post(keyed);
    const second = await post(keyed);
    expect(second.text).toBe(first.text);
    expect([second.status, second.headers['idempotent-replayed']]).toEqual([201, 'true']);
    const other = form({ content: createWav() });
    const reused = await post({ ...other, headers: keyed.headers });
    expect(reused.json.error.code).toBe('IDEMPOTENCY_KEY_REUSED');
  });
});

const oversize = Buffer.concat([wav, Buffer.alloc(MOST_BYTES + 1 - wav.length)]);
const text = Buffer.from('#!/bin/sh\necho not audio\n'.repeat(40));
const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

const refusals: [string, { body: Buffer; headers: Record<string, string> }, number, string][] = [
  [
    'text called mp3',
    ordered({ ...file, filename: 'a.mp3', value: text }),
    415,
    'UNSUPPORTED_AUDIO',
  ],
  ['an image', ordered({ ...file, filename: 'a.png', value: png }), 415, 'UNSUPPORTED_AUDIO'],
  ['half a header', ordered({ ...file, value: wav.subarray(0, 7) }), 415, 'UNSUPPORTED_AUDIO'],
  ['an empty file', ordered({ ...file, value: '' }), 400, 'VALIDATION_ERROR'],
  ['one byte too many', ordered({ ...file, value: oversize }), 413, 'FILE_TOO_LARGE'],
  ['two files', ordered(file, { ...file, name: 'audio' }), 400, 'VALIDATION_ERROR'],
  ['no file', ordered({ name: 'title', value: 'x' }), 400, 'VALIDATION_ERROR'],
  ['a file where text belongs', ordered({ ...file, name: 'cover' }), 400, 'VALIDATION_ERROR'],
  ['an unknown field', ordered(file, { name: 'colour', value: 'red' }), 400, 'VALIDATION_ERROR'],
  ['a bad field behind it', ordered(file, { name: 'year', value: 'x' }), 400, 'VALIDATION_ERROR'],
  ['a bad field before it', ordered({ name: 'bpm', value: '-1' }, file), 400, 'VALIDATION_ERROR'],
  [
    'a form cut off in the file',
    { body: partOf(file).subarray(0, 9000), headers },
    400,
    'VALIDATION_ERROR',
  ],
  ['a form cut off behind it', { body: partOf(file), headers }, 400, 'VALIDATION_ERROR'],
  [
    'a form without a boundary',
    { body: ordered(file).body, headers: { 'content-type': 'multipart/form-data' } },
    400,
    'VALIDATION_ERROR',
  ],
  [
    'bytes without a form',
    { body: wav, headers: { 'content-type': 'audio/wav' } },
    415,
    'UNSUPPORTED_MEDIA_TYPE',
  ],
];

describe('nothing is left of', () => {
  it.each(refusals)('%s', async (_, body, status, code) => {
    const kept = await keptBy(app);
    const answer = await post(body);
    expect([answer.status, answer.json.error.code]).toEqual([status, code]);
    expect(await keptBy(app)).toEqual(kept);
  });

  it('what is refused over tRPC', async () => {
    const kept = await keptBy(app);
    const body = ordered({ ...file, value: text });
    const { statusCode, payload } = await app.http.inject({
      method: 'POST',
      url: '/trpc/tracks.upload',
      headers: { ...body.headers, authorization: `Bearer ${owner.token}` },
      payload: body.body,
    });
    expect([statusCode, JSON.parse(payload).error.data.code]).toEqual([415, 'UNSUPPORTED_AUDIO']);
    const json = await trpc(app, 'tracks.upload', { token: owner.token, type: 'mutation' });
    expect(json.json.error.data.code).toBe('UNSUPPORTED_MEDIA_TYPE');
    expect(await keptBy(app)).toEqual(kept);
  });

  it('a connection that breaks in the middle', async () => {
    const server = app.http.server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const kept = await keptBy(app);
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const { body } = ordered(file);
    socket.write(
      `POST /api/v1/tracks HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${owner.token}\r\n` +
        `content-type: ${headers['content-type']}\r\ncontent-length: ${body.length}\r\n\r\n`,
    );
    socket.write(body.subarray(0, 10_000));
    await expect.poll(async () => (await filesOf(app)).length).toBe(kept.files.length + 1);
    socket.destroy();
    await expect.poll(() => keptBy(app)).toEqual(kept);
  });

  it('what cannot be committed, though its bytes were in place', async () => {
    const kept = await keptBy(app);
    const peer = new Client({ connectionString: app.urls.url });
    await peer.connect();
    const stage = app.outside.blobs.stage.bind(app.outside.blobs);
    const staging = vi.spyOn(app.outside.blobs, 'stage').mockImplementation(async (...given) => {
      const staged = await stage(...given);
      const publish = async (key?: string) => {
        await staged.publish(key);
        await peer.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and state = 'idle in transaction'`,
        );
      };
      return { ...staged, publish };
    });
    const answer = await upload(app, owner, { content: createWav() });
    staging.mockRestore();
    await peer.end();
    expect([answer.status, answer.json.error.code]).toEqual([503, 'SERVICE_UNAVAILABLE']);
    expect(await keptBy(app)).toEqual(kept);
  });

  it('the form of a stranger, which is not read', async () => {
    const kept = await keptBy(app);
    const answer = await rest(app, '/tracks', {
      method: 'POST',
      ...form({ content: createWav() }),
    });
    expect([answer.status, answer.json.error.code]).toEqual([401, 'UNAUTHENTICATED']);
    expect(await keptBy(app)).toEqual(kept);
  });

  it('the form of a suspended account', async () => {
    const suspended = await createUser(app);
    const { id } = await createTrack(app, suspended);
    await setAccount(app, suspended.id, { state: 'suspended' });
    const kept = await keptBy(app);
    const refused = () => upload(app, suspended, { content: createWav() });
    await expect.poll(async () => (await refused()).json.error?.code).toBe('ACCOUNT_SUSPENDED');
    expect(await keptBy(app)).toEqual(kept);
    const removed = await rest(app, `/tracks/${id}`, { method: 'DELETE', token: suspended.token });
    expect(removed.status).toBe(200);
  });
});

it('takes a file of exactly the largest size', async () => {
  const content = oversize.subarray(0, MOST_BYTES);
  const { status, json } = await upload(app, owner, { content });
  expect([status, json.data.size_bytes]).toEqual([201, MOST_BYTES]);
});

describe('a file name is data', () => {
  it.each([
    ['../../../etc/passwd.mp3', 'passwd'],
    ['C:\\Music\\Dusk.wav', 'Dusk'],
    ['-rf.wav', '-rf'],
    ['con.wav', 'con'],
    ['🎧 été ‮gnp.wav', '🎧 été ‮gnp'],
    ['Symphony No.5', 'Symphony No.5'],
    ['...wav', '..'],
    ['.wav', 'Untitled'],
    ['   .wav', 'Untitled'],
    ['', 'Untitled'],
    ['<script>alert(1)</script>.wav', 'script>'],
    ['Symphony No.5.wav', 'Symphony No.5'],
    [`${'x'.repeat(4000)}.wav`, 'x'.repeat(200)],
    [`a${'🎧'.repeat(150)}.wav`, `a${'🎧'.repeat(99)}`],
    ['a\u0000b\u0007.wav', 'ab'],
  ])('%.20j', async (filename, title) => {
    const kept = await filesOf(app);
    const content = createWav();
    const { status, json } = await upload(app, owner, { content, filename });
    expect([status, json.data?.title]).toEqual([201, title]);
    const added = (await filesOf(app)).filter((path) => !kept.includes(path));
    const digest = sha256(content);
    expect(added).toEqual([`blobs/${digest.slice(0, 2)}/${digest.slice(2, 4)}/${digest}`]);
  });
});
