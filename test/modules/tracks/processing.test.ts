import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { testApp } from '#test/app.ts';
import { http, rest } from '#test/calls.ts';
import { createUser, createWav, setAccount } from '#test/factories.ts';
import { audio, pathOf, play, query, sha256, untilProcessed, upload } from '#test/tracks.ts';
import { contentKey } from '#platform/storage/blob-store.ts';

vi.setConfig({ testTimeout: 30_000 });

const app = await testApp({ jobs: true, environment: { QUEUE_CONCURRENCY: '2' } });
const owner = await createUser(app);

const uploaded = async (content: Buffer, fields: Record<string, string> = {}) => {
  const { status, json } = await upload(app, owner, { content, filename: 'a.bin' }, fields);
  expect(status).toBe(201);
  return json.data as { id: number };
};

const own = (path: string, method: 'GET' | 'POST' | 'PUT' = 'GET', body?: unknown) =>
  rest(app, path, { method, token: owner.token, body });

const tagged = { title: 'Tone', artist: 'Veza', album: 'Fixtures', genre: 'Blues', year: 2024 };
const untagged = { title: 'a', artist: null, album: null, genre: null, year: null };

const kinds = [
  { name: 'tone.mp3', type: 'audio/mpeg', seconds: 2, sample_rate: 22_050, tags: tagged },
  { name: 'tone.wav', type: 'audio/wav', seconds: 1, sample_rate: 8000, tags: tagged },
  { name: 'tone.flac', type: 'audio/flac', seconds: 2, sample_rate: 22_050, tags: tagged },
  { name: 'tone.ogg', type: 'audio/ogg', seconds: 2, sample_rate: 22_050, tags: tagged },
  { name: 'tone.opus', type: 'audio/ogg', seconds: 2, sample_rate: 22_050, tags: tagged },
  { name: 'tone.m4a', type: 'audio/mp4', seconds: 2, sample_rate: 22_050, tags: tagged },
  { name: 'tone.aiff', type: 'audio/aiff', seconds: 1, sample_rate: 8000, tags: tagged },
  { name: 'tone.aac', type: 'audio/aac', seconds: 2, sample_rate: 22_050, tags: untagged },
];

/** All at once, so that none waits for the checks of another. */
const ids = new Map(
  await Promise.all(
    kinds.map(async ({ name }) => [name, (await uploaded(await audio(name))).id] as const),
  ),
);

describe('a track that was processed', () => {
  it.each(kinds)('is ready and plays as it came: $name', async (kind) => {
    const content = await audio(kind.name);
    const id = ids.get(kind.name) ?? 0;
    const track = await untilProcessed(app, owner, id);
    expect(track).toMatchObject({
      ...kind.tags,
      status: 'ready',
      failure_code: null,
      duration_seconds: kind.seconds,
      sample_rate: kind.sample_rate,
      channels: 1,
      version: 2,
    });
    expect(track.bitrate).toBeGreaterThan(8000);

    const { peaks, duration_seconds } = (await rest(app, `/tracks/${id}/waveform`)).json.data;
    expect(duration_seconds).toBe(kind.seconds);
    expect(peaks).toHaveLength(800);
    expect(Math.max(...peaks.slice(10, 320))).toBeLessThan(0.05);
    expect(Math.max(...peaks.slice(480, 790))).toBeGreaterThan(0.6);
    expect(Math.max(...peaks)).toBeLessThanOrEqual(1);

    const { headers, bytes } = await rest(app, `/tracks/${id}/stream`);
    expect(headers['content-type']).toBe(kind.type);
    expect(bytes.equals(content)).toBe(true);
    const parts = [];
    for (let start = 0; start < content.length; start += 3000) {
      const range = `bytes=${start}-${Math.min(start + 2999, content.length - 1)}`;
      const part = await rest(app, `/tracks/${id}/stream`, { headers: { range } });
      expect(part.status).toBe(206);
      parts.push(part.bytes);
    }
    expect(Buffer.concat(parts).equals(content)).toBe(true);
  });

  it('keeps what its owner said and takes the rest from the file', async () => {
    const content = Buffer.concat([await audio('tone.mp3'), Buffer.alloc(417)]);
    const { id } = await uploaded(content, { title: 'Mine', artist: 'Me' });
    const track = await untilProcessed(app, owner, id);
    expect(track).toMatchObject({ ...tagged, title: 'Mine', artist: 'Me' });
  });

  it('is called by its file where the tags say nothing', async () => {
    const { json } = await upload(app, owner, { content: createWav(), filename: 'Rain 02.wav' });
    expect(await untilProcessed(app, owner, json.data.id)).toMatchObject({ title: 'Rain 02' });
  });

  it('can be read again, and what was changed since stays', async () => {
    const { id } = await uploaded(createWav());
    await untilProcessed(app, owner, id);
    await own(`/tracks/${id}`, 'PUT', { title: 'Renamed', genre: 'Noise' });
    const again = await own(`/tracks/${id}/reprocess`, 'POST');
    expect([again.status, again.json.data.status]).toEqual([200, 'processing']);
    expect(await untilProcessed(app, owner, id)).toMatchObject({
      status: 'ready',
      title: 'Renamed',
      genre: 'Noise',
    });
  });

  it('is so whatever became of its owner meanwhile', async () => {
    const banned = await createUser(app);
    const { json } = await upload(app, banned, { content: createWav() });
    await setAccount(app, banned.id, { state: 'banned' });
    await expect
      .poll(() => query(app, `select status from tracks where id = ${json.data.id}`))
      .toEqual([{ status: 'ready' }]);
  });

  it('that was deleted meanwhile stays deleted', async () => {
    const { id } = await uploaded(createWav());
    await rest(app, `/tracks/${id}`, { method: 'DELETE', token: owner.token });
    await expect
      .poll(async () => (await query(app, `select status from tracks where id = ${id}`))[0])
      .toEqual({ status: 'ready' });
    expect((await own(`/tracks/${id}`)).status).toBe(404);
    expect((await own(`/tracks/${id}/restore`, 'POST')).json.data.status).toBe('ready');
  });
});

/** Frames that look right and hold nothing that can be decoded. */
const junk = (): Buffer => {
  const frame = Buffer.alloc(417, 0xaa);
  frame.writeUInt32BE(0xfffb9064);
  return Buffer.concat([Buffer.from('ID3\x03\x00\x00\x00\x00\x00\x00', 'latin1'), frame, frame]);
};

/** Retries wait for seconds: here they are due at once. */
const hurryRetries = () =>
  query(app, `update pgboss.job set start_after = now() where state = 'retry'`);

const untilGivenUp = async (id: number) => {
  await expect
    .poll(
      async () => {
        await hurryRetries();
        return (await own(`/tracks/${id}`)).json.data.status;
      },
      { interval: 100, timeout: 25_000 },
    )
    .toBe('failed');
  return (await own(`/tracks/${id}`)).json.data;
};

describe('a track that cannot be read', () => {
  it('is failed, tells why, and is seen by nobody else', async () => {
    const { id } = await uploaded(junk());
    const track = await untilProcessed(app, owner, id);
    expect(track).toMatchObject({ status: 'failed', failure_code: 'UNSUPPORTED_AUDIO' });
    expect((await rest(app, `/tracks/${id}`)).status).toBe(404);
    expect((await own(`/tracks/${id}/waveform`)).json.data.peaks).toBeNull();
    expect((await own(`/tracks/${id}/stream`)).status).toBe(200);
  });

  it('is tried again, and failed after the last try', async () => {
    const content = createWav();
    const { id } = await uploaded(content);
    await untilProcessed(app, owner, id);
    await rm(join(app.folder, 'files', 'blobs', contentKey(sha256(content))));
    await own(`/tracks/${id}/reprocess`, 'POST');
    expect(await untilGivenUp(id)).toMatchObject({ failure_code: 'ANALYSIS_FAILED' });
    const [job] = await query(
      app,
      `select state, retry_count from pgboss.job
       where name = 'tracks.process' and (data->>'track_id')::int = ${id} and state <> 'completed'`,
    );
    expect(job).toEqual({ state: 'failed', retry_count: 3 });
  });

  it('is ready once it can be read again', async () => {
    const content = createWav();
    const { id } = await uploaded(content);
    await untilProcessed(app, owner, id);
    const failed = `status = 'failed', failure_code = 'ANALYSIS_FAILED'`;
    await query(app, `update tracks set ${failed} where id = ${id}`);
    await own(`/tracks/${id}/reprocess`, 'POST');
    expect(await untilProcessed(app, owner, id)).toMatchObject({
      status: 'ready',
      failure_code: null,
    });
  });
});

it('a signed address plays what was processed', async () => {
  const content = createWav();
  const { id } = await uploaded(content);
  await untilProcessed(app, owner, id);
  const { url } = (await rest(app, `/tracks/${id}/stream-url`)).json.data;
  expect((await play(app, url)).bytes.equals(content)).toBe(true);
  expect((await http(app, pathOf(url), { method: 'HEAD' })).status).toBe(200);
});
