import { expect, it } from 'vitest';
import type { Member } from '#kernel/actor.ts';
import { testApp } from '#test/app.ts';
import { rest } from '#test/calls.ts';
import { createTrack, createUser, PASSWORD, setReady } from '#test/factories.ts';

const app = await testApp({ events: true });

const actor = (role: Member['role']): Member => ({
  type: 'member',
  user_id: 1,
  username: 'a',
  role,
  state: 'active',
  session_id: 1,
});

const today = new Date().toISOString().slice(0, 10);
const span = { since: '2020-01-01', until: '2999-12-31' };
const read = () => app.services.analytics.days(actor('admin'), span);

it('the days tell what happened on them, and are for administrators', async () => {
  const owner = await createUser(app);
  const listener = await createUser(app);
  const track = await createTrack(app, owner);
  const removed = await createTrack(app, owner);
  await setReady(app, track.id);
  const post = (path: string, body: object, token?: string) =>
    rest(app, path, { method: 'POST', body, token });
  await post('/auth/login', { username: owner.username, password: PASSWORD });
  for (const token of [listener.token, listener.token, undefined])
    await post(`/tracks/${track.id}/plays`, { listened_seconds: 60 }, token);
  await rest(app, `/tracks/${removed.id}`, { method: 'DELETE', token: owner.token });

  const size_bytes = Number(track.size_bytes);
  await expect.poll(read, { timeout: 20_000 }).toEqual([
    { day: today, measure: 'logins', total: 1, amount: 0 },
    { day: today, measure: 'plays', total: 2, amount: 0 },
    { day: today, measure: 'registrations', total: 2, amount: 0 },
    { day: today, measure: 'removals', total: 1, amount: size_bytes },
    { day: today, measure: 'uploads', total: 2, amount: 2 * size_bytes },
  ]);
  const none = { since: '2020-01-01', until: '2020-01-02' };
  expect(await app.services.analytics.days(actor('admin'), none)).toEqual([]);
  await expect(app.services.analytics.days(actor('moderator'), span)).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
});
