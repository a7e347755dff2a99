import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { Redis, Reply } from '../redis/redis.ts';
import type { Kept } from './entry.ts';
import { FORGET, INVALIDATE, READ, WRITE } from './redis-scripts.ts';

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** Of the layout below. */
const LAYOUT = 1;
/** Longer than any value lives and any load takes. */
const TAG_LIFE_MS = 3_600_000;
/** Below this, compressing costs more than it saves. */
const COMPRESSED_FROM_BYTES = 1024;

const PLAIN = Buffer.from([0]);
const DEFLATED = Buffer.from([1]);

/** When and where a load began: what it finds is kept only if nothing about it has changed since. */
export type Ticket = { prefix: string; epoch: string; began: string };

type Settings = { redis: Redis; compression_level: number };

const tagsIn = (versions: string): string[] =>
  versions
    .split(' ')
    .filter(Boolean)
    .map((pair) => pair.slice(0, pair.indexOf('=')));

const pack = async (text: string, level: number): Promise<Buffer> => {
  const bytes = Buffer.from(text);
  if (level === 0 || bytes.length < COMPRESSED_FROM_BYTES) return Buffer.concat([PLAIN, bytes]);
  return Buffer.concat([DEFLATED, await deflate(bytes, { level })]);
};

const unpack = async (bytes: Buffer): Promise<string> =>
  (bytes[0] === DEFLATED[0] ? await inflate(bytes.subarray(1)) : bytes.subarray(1)).toString();

const tagged = (prefix: string): string => `${prefix}tag:`;

/**
 * Redis, for all processes. Invalidations that it did not get make it forget everything when it is back; and so
 * does each start, since the process before may have died between a commit and what it had to tell.
 */
export const createRedisLevel = ({ redis, compression_level }: Settings) => {
  let isBehind = true;
  const prefixNow = (): string => `veza:cache:${LAYOUT}:${redis.run_id()}:`;

  const tell = async (lua: string, keys: string[], args: (string | number)[]): Promise<void> => {
    if ((await redis.run({ lua, keys, args })) === undefined) isBehind = true;
  };

  redis.onUp(() => {
    if (!isBehind) return;
    isBehind = false;
    void tell(FORGET, [`${prefixNow()}epoch`], [randomUUID()]);
  });

  return {
    async read(key: string): Promise<Kept | Ticket | undefined> {
      if (!redis.isUp()) return undefined;
      const prefix = prefixNow();
      const reply = await redis.run({
        lua: READ,
        keys: [`${prefix}${key}`, `${prefix}epoch`],
        args: [tagged(prefix), randomUUID()],
      });
      if (!Array.isArray(reply)) return undefined;
      const [first, second, life] = reply as [Buffer, Buffer, Reply | undefined];
      if (typeof life !== 'number')
        return { prefix, epoch: first.toString(), began: second.toString() };
      return { text: await unpack(first), tags: tagsIn(second.toString()), fresh_ms: life };
    },
    async write(key: string, { text, tags, fresh_ms }: Kept, ticket: Ticket): Promise<void> {
      const { prefix, epoch, began } = ticket;
      const value = await pack(text, compression_level);
      const life_ms = Math.max(1, Math.floor(fresh_ms));
      await redis.run({
        lua: WRITE,
        keys: [`${prefix}${key}`, `${prefix}epoch`],
        args: [tagged(prefix), epoch, began, life_ms, TAG_LIFE_MS, randomUUID(), value, ...tags],
      });
    },
    /** In the order of calls: whoever reads after this reads nothing older. */
    invalidate(tags: readonly string[]): void {
      const prefix = tagged(prefixNow());
      void tell(
        INVALIDATE,
        tags.map((tag) => `${prefix}${tag}`),
        [TAG_LIFE_MS, randomUUID()],
      );
    },
  };
};

export type RedisLevel = ReturnType<typeof createRedisLevel>;
