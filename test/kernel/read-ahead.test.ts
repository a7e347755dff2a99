import { expect, it } from 'vitest';
import { readAhead } from '#kernel/read-ahead.ts';

/** Hands out what is pushed, and knows whether somebody still listens. */
const createSource = () => {
  const waiting: number[] = [];
  let wake = Promise.withResolvers<void>();
  let left = false;
  async function* numbers(): AsyncGenerator<number> {
    try {
      for (;;) {
        const next = waiting.shift();
        if (next === 0) return;
        if (next !== undefined) yield next;
        else {
          await wake.promise;
          wake = Promise.withResolvers();
        }
      }
    } finally {
      left = true;
    }
  }
  const push = (...more: number[]) => {
    waiting.push(...more);
    wake.resolve();
  };
  return { source: numbers(), push, isLeft: () => left };
};

const collect = async (items: AsyncIterable<number>): Promise<number[]> => {
  const collected: number[] = [];
  for await (const item of items) collected.push(item);
  return collected;
};

it('hands out everything in order, however it came', async () => {
  const { source, push } = createSource();
  const taken: number[] = [];
  push(1, 2);
  for await (const item of readAhead(source, 10)) {
    taken.push(item);
    if (item === 2) push(3);
    if (item === 3) push(4, 5, 0);
  }
  expect(taken).toEqual([1, 2, 3, 4, 5]);
});

it('reads from the first moment on, before anybody takes', async () => {
  const { source, push, isLeft } = createSource();
  const items = readAhead(source, 10);
  push(1, 2, 0);
  await expect.poll(isLeft).toBe(true);
  expect(await collect(items)).toEqual([1, 2]);
});

it('refuses a slow reader, and leaves the source', async () => {
  const { source, push, isLeft } = createSource();
  const items = readAhead(source, 3);
  push(1, 2, 3, 4);
  await expect.poll(isLeft).toBe(true);
  await expect(collect(items)).rejects.toMatchObject({
    kind: 'limit_exceeded',
    code: 'SLOW_READER',
  });
});

it('fails as its source fails', async () => {
  const fault = new Error('gone');
  // oxlint-disable-next-line require-yield -- it fails before there is anything
  async function* failing(): AsyncGenerator<number> {
    throw fault;
  }
  await expect(collect(readAhead(failing(), 3))).rejects.toBe(fault);
});
