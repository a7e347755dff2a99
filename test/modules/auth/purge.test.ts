import { expect, test } from 'vitest';
import { testApp } from '#test/app.ts';
import { rest } from '#test/calls.ts';
import { createClock, DAY } from '#test/clock.ts';
import { createUser } from '#test/factories.ts';
import { runJob } from '#test/tracks.ts';

const clock = createClock();
const app = await testApp({ now: clock.now });

const count = async (table: string): Promise<number> => {
  const { rows } = await app.outside.pool.query(`select count(*)::int as n from ${table}`);
  return rows[0].n;
};

const guess = (username: string) =>
  rest(app, '/auth/login', { method: 'POST', body: { username, password: 'not this one!' } });

test('guessed names are forgotten after a day, ended sessions a month later', async () => {
  const user = await createUser(app);
  await guess('somebody');
  await rest(app, '/auth/logout', { method: 'POST', token: user.token });
  await runJob(app, 'auth.purge');
  expect([await count('login_attempts'), await count('sessions')]).toEqual([1, 1]);

  clock.advance(2 * DAY);
  await runJob(app, 'auth.purge');
  expect([await count('login_attempts'), await count('sessions')]).toEqual([0, 1]);

  clock.advance(31 * DAY);
  await createUser(app);
  await runJob(app, 'auth.purge');
  expect([await count('sessions'), await count('refresh_tokens')]).toEqual([1, 1]);
});
