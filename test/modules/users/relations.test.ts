import { describe, expect, it } from 'vitest';
import { refusalOf } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { as } from '#test/chat.ts';
import { createUser } from '#test/factories.ts';

const app = await testApp();

describe('preferences', () => {
  it('begin with what is usual, and change by parts', async () => {
    const user = as(app, await createUser(app));
    const before = (await user('GET', '/users/me/preferences')).json.data;
    expect(before).toMatchObject({ theme: 'system', privacy: { allow_dm: 'everyone' } });
    const changes = { theme: 'dark', privacy: { send_typing: false } };
    const after = (await user('PUT', '/users/me/preferences', changes)).json.data;
    const privacy = { ...before.privacy, send_typing: false };
    expect(after).toEqual({ ...before, theme: 'dark', privacy });
    expect((await user('GET', '/users/me/preferences')).json.data).toEqual(after);
  });

  it('change one after another when they are changed at once', async () => {
    const user = as(app, await createUser(app));
    await Promise.all([
      user('PUT', '/users/me/preferences', { theme: 'light' }),
      user('PUT', '/users/me/preferences', { language: 'fr' }),
      user('PUT', '/users/me/preferences', { notifications: { email: false } }),
    ]);
    expect((await user('GET', '/users/me/preferences')).json.data).toMatchObject({
      theme: 'light',
      language: 'fr',
      notifications: { email: false, in_app: true },
    });
  });

  it.each([{ theme: 'pink' }, { unknown: 1 }, { privacy: { unknown: true } }, { privacy: null }])(
    'refuses %j',
    async (body) => {
      const user = as(app, await createUser(app));
      const answer = await user('PUT', '/users/me/preferences', body);
      expect(refusalOf(answer)).toEqual([400, 'VALIDATION_ERROR']);
    },
  );
});

describe('a block', () => {
  it('is listed once, for whoever made it alone, until it is taken back', async () => {
    const [by, on] = [await createUser(app), await createUser(app)];
    const blocks = async (user: typeof by) =>
      (await as(app, user)('GET', '/users/me/blocks')).json.data;
    for (let times = 0; times < 2; times += 1) {
      const blocked = await as(app, by)('PUT', `/users/${on.id}/block`);
      expect(blocked.json.data).toEqual({ id: on.id, blocked: true });
    }
    expect(await blocks(by)).toMatchObject([{ id: on.id, username: on.username }]);
    expect(await blocks(on)).toEqual([]);
    const taken = await as(app, by)('DELETE', `/users/${on.id}/block`);
    expect(taken.json.data).toEqual({ id: on.id, blocked: false });
    expect(await blocks(by)).toEqual([]);
  });

  it('is not of oneself or of nobody', async () => {
    const user = await createUser(app);
    const self = await as(app, user)('PUT', `/users/${user.id}/block`);
    expect(refusalOf(self)).toEqual([400, 'VALIDATION_ERROR']);
    const nobody = await as(app, user)('PUT', '/users/999999999/block');
    expect(refusalOf(nobody)).toEqual([404, 'NOT_FOUND']);
  });
});
