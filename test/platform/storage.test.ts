import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, readlink, rm, stat, truncate, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  BlobMissing,
  contentKey,
  type BlobStore,
  type StagedBlob,
} from '#platform/storage/blob-store.ts';
import { createLocalBlobStore } from '#platform/storage/local.ts';

const root = await mkdtemp(join(tmpdir(), 'storage-'));
afterAll(() => rm(root, { recursive: true }));

let count = 0;
const newStore = () => {
  count += 1;
  const folder = join(root, String(count));
  return { folder, store: createLocalBlobStore({ folder }) };
};

const bytesOf = (size: number) => randomBytes(size);
const streamOf = (bytes: Buffer, chunk_bytes = 10_000) =>
  Readable.from(
    (function* chunks() {
      for (let at = 0; at < bytes.length; at += chunk_bytes) {
        yield bytes.subarray(at, at + chunk_bytes);
      }
    })(),
    { objectMode: false },
  );
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

const filesIn = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
};

const openFilesUnder = async (folder: string): Promise<string[]> => {
  const descriptors = await readdir('/proc/self/fd');
  const targets = await Promise.all(
    descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return targets.filter((target) => target.startsWith(folder));
};

describe('staging', () => {
  test.each([0, 1, 65_535, 65_536, 65_537, 300_000])(
    'keeps %i bytes and tells their hash, size and head',
    async (size) => {
      const { store, folder } = newStore();
      const bytes = bytesOf(size);
      const staged = await store.stage(streamOf(bytes));
      expect(staged.sha256).toBe(sha256(bytes));
      expect(staged.size_bytes).toBe(size);
      expect(staged.head.equals(bytes.subarray(0, 65_536))).toBe(true);
      expect((await readFile(staged.path)).equals(bytes)).toBe(true);
      expect(await openFilesUnder(folder)).toEqual([]);
    },
  );

  test('hides the bytes until they are published', async () => {
    const { store } = newStore();
    const staged = await store.stage(streamOf(bytesOf(10)));
    await expect(store.open(contentKey(staged.sha256))).rejects.toBeInstanceOf(BlobMissing);
  });

  test('takes exactly the limit and refuses one byte more, leaving nothing', async () => {
    const { store, folder } = newStore();
    const exact = await store.stage(streamOf(bytesOf(20_000)), { max_bytes: 20_000 });
    await exact.discard();
    const content = streamOf(bytesOf(20_001));
    await expect(store.stage(content, { max_bytes: 20_000 })).rejects.toMatchObject({
      kind: 'too_large',
      code: 'FILE_TOO_LARGE',
    });
    expect(content.destroyed).toBe(true);
    expect(await filesIn(folder)).toEqual([]);
  });

  test.each([0, 1, 50_000])(
    'throws the error of a source that fails after %i bytes as it is, leaving nothing',
    async (size) => {
      const { store, folder } = newStore();
      const failure = new Error('cut off');
      const content = Readable.from(
        (function* failing() {
          if (size > 0) yield bytesOf(size);
          throw failure;
        })(),
        { objectMode: false },
      );
      await expect(store.stage(content)).rejects.toBe(failure);
      expect(await filesIn(folder)).toEqual([]);
      expect(await openFilesUnder(folder)).toEqual([]);
    },
  );

  test('meets a source that failed before it was read', async () => {
    const { store } = newStore();
    const failure = new Error('gone');
    const content = new PassThrough();
    const staging = store.stage(content);
    content.destroy(failure);
    await expect(staging).rejects.toBe(failure);
  });

  test('refuses a source that was closed without an end', async () => {
    const { store, folder } = newStore();
    const content = new PassThrough();
    content.write(bytesOf(10));
    const staging = store.stage(content);
    content.destroy();
    await expect(staging).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
    expect(await filesIn(folder)).toEqual([]);
  });

  test.each(['before', 'during'])(
    'an abort %s it ends it with its reason and leaves nothing',
    async (moment) => {
      const { store, folder } = newStore();
      const abort = new AbortController();
      const reason = new Error('no longer wanted');
      if (moment === 'before') abort.abort(reason);
      const content = new PassThrough();
      content.write(bytesOf(1000));
      const staging = store.stage(content, { signal: abort.signal });
      abort.abort(reason);
      await expect(staging).rejects.toBe(reason);
      expect(content.destroyed).toBe(true);
      expect(await filesIn(folder)).toEqual([]);
    },
  );

  test('pulls no more than it writes', async () => {
    const { store } = newStore();
    let pulled = 0;
    const endless = new Readable({
      read() {
        pulled += 1;
        this.push(Buffer.alloc(65_536));
      },
    });
    await expect(store.stage(endless, { max_bytes: 1_000_000 })).rejects.toMatchObject({
      code: 'FILE_TOO_LARGE',
    });
    expect(pulled).toBeLessThan(20);
  });

  test('keeps files and folders to the process owner', async () => {
    const { store, folder } = newStore();
    const staged = await store.stage(streamOf(bytesOf(10)));
    await staged.publish();
    const path = join(folder, 'blobs', contentKey(staged.sha256));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    for (let above = dirname(path); above !== root; above = dirname(above)) {
      expect((await stat(above)).mode & 0o777).toBe(0o700);
    }
  });
});

describe('publishing', () => {
  test('puts the bytes under their content address and nothing else anywhere', async () => {
    const { store, folder } = newStore();
    const bytes = bytesOf(1000);
    const staged = await store.stage(streamOf(bytes));
    await staged.publish();
    await staged.discard();
    const key = contentKey(sha256(bytes));
    expect(await filesIn(folder)).toEqual([join(folder, 'blobs', key)]);
    expect((await buffer(await store.open(key))).equals(bytes)).toBe(true);
    expect(await store.head(key)).toMatchObject({ size_bytes: 1000 });
  });

  test('of the same bytes by many at once leaves one blob', async () => {
    const { store, folder } = newStore();
    const bytes = bytesOf(50_000);
    const staged = await Promise.all(Array.from({ length: 8 }, () => store.stage(streamOf(bytes))));
    await Promise.all(staged.map((blob) => blob.publish()));
    expect(await filesIn(folder)).toHaveLength(1);
    expect((await buffer(await store.open(contentKey(sha256(bytes))))).equals(bytes)).toBe(true);
  });

  test('repairs a damaged blob', async () => {
    const { store, folder } = newStore();
    const bytes = bytesOf(1000);
    const publishAgain = async () => (await store.stage(streamOf(bytes))).publish();
    await publishAgain();
    const key = contentKey(sha256(bytes));
    await truncate(join(folder, 'blobs', key), 10);
    await publishAgain();
    expect((await buffer(await store.open(key))).equals(bytes)).toBe(true);
  });

  test('takes a key of our own', async () => {
    const { store } = newStore();
    const staged = await store.stage(streamOf(bytesOf(5)));
    await staged.publish('covers/1.png');
    expect(await store.head('covers/1.png')).toMatchObject({ size_bytes: 5 });
  });

  test.each([
    '',
    '/etc/passwd',
    '../up',
    'a/../../up',
    'a//b',
    'a/.',
    'a\0b',
    'a\\b',
    '.hidden',
    'a'.repeat(256),
  ])('never leaves the store by the key %j', async (key) => {
    const { store, folder } = newStore();
    const staged = await store.stage(streamOf(bytesOf(5)));
    await expect(staged.publish(key)).rejects.toThrow();
    await expect(store.open(key)).rejects.toThrow();
    await expect(store.remove(key)).rejects.toThrow();
    await staged.discard();
    expect(await filesIn(folder)).toEqual([]);
  });
});

describe('reading', () => {
  let store: ReturnType<typeof newStore>['store'];
  let folder: string;
  const bytes = bytesOf(1000);
  const key = contentKey(sha256(bytes));
  beforeAll(async () => {
    ({ store, folder } = newStore());
    await (await store.stage(streamOf(bytes))).publish();
  });

  test.each([
    [0, 0],
    [0, 999],
    [500, 999],
    [999, 999],
  ])('answers bytes %i to %i and closes the file', async (start, end) => {
    const content = await buffer(await store.open(key, { start, end }));
    expect(content.equals(bytes.subarray(start, end + 1))).toBe(true);
    await expect.poll(() => openFilesUnder(folder)).toEqual([]);
  });

  test('closes the file of a reader that leaves', async () => {
    const content = await store.open(key);
    expect(await openFilesUnder(folder)).toHaveLength(1);
    content.destroy();
    await expect.poll(() => openFilesUnder(folder)).toEqual([]);
  });

  test('fails before any byte when the blob is shorter than the range', async () => {
    await expect(store.open(key, { start: 0, end: 1000 })).rejects.toBeInstanceOf(BlobMissing);
    expect(await openFilesUnder(folder)).toEqual([]);
  });

  test('tells a missing blob on every way in', async () => {
    const missing = contentKey('0'.repeat(64));
    await expect(store.open(missing)).rejects.toBeInstanceOf(BlobMissing);
    await expect(store.withLocalFile(missing, async () => {})).rejects.toBeInstanceOf(BlobMissing);
    expect(await store.head(missing)).toBeUndefined();
  });

  test('hands out a local file and the result of the work', async () => {
    const read = await store.withLocalFile(key, (path) => readFile(path));
    expect(read.equals(bytes)).toBe(true);
  });

  test('a reader keeps its bytes while the blob is removed, twice', async () => {
    const { store } = newStore();
    await (await store.stage(streamOf(bytes))).publish();
    const content = await store.open(key);
    await store.remove(key);
    await store.remove(key);
    expect((await buffer(content)).equals(bytes)).toBe(true);
    expect(await store.head(key)).toBeUndefined();
  });
});

const age = async ({ path }: StagedBlob, ms: number) => {
  const then = new Date(Date.now() - ms);
  await utimes(path, then, then);
};

describe('housekeeping', () => {
  test('sweeps abandoned bytes and spares fresh and published ones', async () => {
    const { store, folder } = newStore();
    const [old, fresh, published] = await Promise.all(
      [1, 2, 3].map((size) => store.stage(streamOf(bytesOf(size)))),
    );
    if (!old || !fresh || !published) throw new Error('three were staged');
    await published.publish('published');
    await age(old, 60_000);
    await age({ ...published, path: join(folder, 'blobs/published') }, 60_000);
    expect(await store.sweep({ older_than_ms: 30_000 })).toBe(1);
    expect((await filesIn(folder)).sort()).toEqual([join(folder, 'blobs/published'), fresh.path]);
  });

  test('sweeps nothing in a store that was never used', async () => {
    expect(await newStore().store.sweep({ older_than_ms: 0 })).toBe(0);
  });

  test('a check of a working store passes and leaves nothing', async () => {
    const { store, folder } = newStore();
    await store.check();
    expect(await filesIn(folder)).toEqual([]);
  });
});

const mount = (...args: string[]) => execFileSync('mount', args, { stdio: 'ignore' });

const canMount = await (async () => {
  const folder = await mkdtemp(join(root, 'probe-'));
  try {
    mount('-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder);
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!canMount)('a disk that takes no bytes (needs the right to mount)', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(root, 'small-'));
    mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder);
  });
  afterAll(() => execFileSync('umount', [folder]));

  const unavailable = { kind: 'unavailable', code: 'SERVICE_UNAVAILABLE' };

  test('full: refuses, leaves nothing, keeps serving, recovers alone', async () => {
    const store = createLocalBlobStore({ folder });
    const first = await store.stage(streamOf(bytesOf(700_000)));
    await first.publish('first');
    await expect(store.stage(streamOf(bytesOf(700_000)))).rejects.toMatchObject(unavailable);
    expect(await filesIn(folder)).toEqual([join(folder, 'blobs/first')]);

    const filling = await store.stage(streamOf(bytesOf(300_000)));
    const rest = await fillUp(store);
    await expect(store.check()).rejects.toMatchObject(unavailable);
    expect(await store.head('first')).toMatchObject({ size_bytes: 700_000 });

    await Promise.all([filling, ...rest].map((blob) => blob.discard()));
    await store.check();
    await store.remove('first');
    const second = await store.stage(streamOf(bytesOf(700_000)));
    await second.discard();
  });

  test('read-only: refuses and keeps serving', async () => {
    const store = createLocalBlobStore({ folder });
    const staged = await store.stage(streamOf(bytesOf(10)));
    await (await store.stage(streamOf(bytesOf(20)))).publish('readable');
    mount('-o', 'remount,ro', folder);
    await expect(store.stage(streamOf(bytesOf(10)))).rejects.toMatchObject(unavailable);
    await expect(staged.publish()).rejects.toMatchObject(unavailable);
    await expect(store.check()).rejects.toMatchObject(unavailable);
    expect(await buffer(await store.open('readable'))).toHaveLength(20);
  });
});

const fillUp = async (store: BlobStore): Promise<StagedBlob[]> => {
  const staged: StagedBlob[] = [];
  for (;;) {
    const next = await store.stage(streamOf(bytesOf(4096))).catch(() => undefined);
    if (!next) return staged;
    staged.push(next);
  }
};
