import { describe, expect, it, vi } from 'vitest';
import { testApp } from '#test/app.ts';
import { rest } from '#test/calls.ts';
import { createUser, createWav, type TestUser } from '#test/factories.ts';
import { keptBy, upload } from '#test/tracks.ts';

const SIZE = createWav().length;
const QUOTA = 3 * SIZE;

const app = await testApp({ environment: { STORAGE_QUOTA_BYTES: String(QUOTA) } });

const add = (user: TestUser, content = createWav()) => upload(app, user, { content });

const usedBy = async ({ token }: TestUser): Promise<number> =>
  (await rest(app, '/users/me', { token })).json.data.storage_used_bytes;

const change = (user: TestUser, method: 'POST' | 'DELETE', path: string) =>
  rest(app, `/tracks/${path}`, { method, token: user.token });

const filled = async (tracks: number) => {
  const user = await createUser(app);
  const ids: number[] = [];
  for (let n = 0; n < tracks; n += 1) ids.push((await add(user)).json.data.id);
  return { user, ids };
};

const exceeded = { status: 403, code: 'QUOTA_EXCEEDED' };

const refusalOf = ({ status, json }: Awaited<ReturnType<typeof add>>) => ({
  status,
  code: json.error?.code,
});

describe('storage', () => {
  it('can be used to the last byte, and not one more', async () => {
    const { user } = await filled(3);
    expect(await usedBy(user)).toBe(QUOTA);
    const kept = await keptBy(app);
    expect(refusalOf(await add(user, createWav().subarray(0, 100)))).toEqual(exceeded);
    expect(await keptBy(app)).toEqual(kept);
  });

  it('is refused for one byte too many', async () => {
    const { user } = await filled(2);
    const kept = await keptBy(app);
    const content = Buffer.concat([createWav(), Buffer.alloc(1)]);
    expect(refusalOf(await add(user, content))).toEqual(exceeded);
    expect(await keptBy(app)).toEqual(kept);
    expect((await add(user)).status).toBe(201);
  });

  it('with room for one of twenty uploads at once takes exactly one', async () => {
    const { user } = await filled(2);
    const before = await keptBy(app);
    const answers = await Promise.all(Array.from({ length: 20 }, () => add(user)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    const refused = answers.filter(({ status }) => status !== 201).map(refusalOf);
    expect(refused).toEqual(Array.from({ length: 19 }, () => exceeded));
    expect(await usedBy(user)).toBe(QUOTA);
    const after = await keptBy(app);
    expect(after.files).toHaveLength(before.files.length + 1);
  });

  it('is refused before the bytes are taken when their number is told', async () => {
    const { user } = await filled(2);
    const staged = vi.spyOn(app.outside.blobs, 'stage');
    const content = Buffer.concat([createWav(), Buffer.alloc(QUOTA + 64 * 1024)]);
    expect(refusalOf(await add(user, content))).toEqual(exceeded);
    expect(staged).not.toHaveBeenCalled();
    staged.mockRestore();
  });

  it('is freed by deleting, and taken again by restoring', async () => {
    const { user, ids } = await filled(3);
    const [first] = ids;
    await change(user, 'DELETE', `${first}`);
    expect(await usedBy(user)).toBe(2 * SIZE);
    expect((await add(user)).status).toBe(201);
    const refused = await change(user, 'POST', `${first}/restore`);
    expect(refusalOf(refused)).toEqual(exceeded);
    expect(await usedBy(user)).toBe(QUOTA);
    await change(user, 'DELETE', `${ids[1]}`);
    expect((await change(user, 'POST', `${first}/restore`)).status).toBe(200);
    expect(await usedBy(user)).toBe(QUOTA);
  });

  it('is freed once by many deletions at once', async () => {
    const { user, ids } = await filled(2);
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => change(user, 'DELETE', `${ids[0]}`)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await usedBy(user)).toBe(SIZE);
  });

  it('is not used by a duplicate, and by each owner for themselves', async () => {
    const [{ user }, { user: other }] = [await filled(1), await filled(0)];
    const content = createWav();
    await add(user, content);
    await add(user, content);
    await add(other, content);
    expect([await usedBy(user), await usedBy(other)]).toEqual([2 * SIZE, SIZE]);
  });
});
