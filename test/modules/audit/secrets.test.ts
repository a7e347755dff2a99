import { Client } from 'pg';
import { expect, it } from 'vitest';
import { login, newName, refresh, refusalOf, register } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { http, rest, trpc } from '#test/calls.ts';
import { createClock, MINUTE } from '#test/clock.ts';
import { query } from '#test/tracks.ts';

const clock = createClock();
const lines: string[] = [];
const app = await testApp({
  now: clock.now,
  log: (line) => lines.push(line),
  environment: { LOG_LEVEL: 'debug', SLOW_QUERY_MS: '0' },
});

const secrets = {
  password: 'velvet-mountain!83',
  wrong: 'wrong-mountain!84',
  next: 'amber-mountain!85',
  weak: 'weakmountain86',
  misplaced: 'misplaced-mountain!87',
};
const { password, wrong, next, weak, misplaced } = secrets;

const change = (token: string, current_password: string, new_password: string) =>
  rest(app, '/users/me/password', {
    method: 'PUT',
    token,
    body: { current_password, new_password },
  });

/** Everything that takes a secret, with success and without. */
const journey = async (username: string): Promise<string[]> => {
  const email = `${username}@example.com`;
  const { json } = await register(app, { username, email, password });
  const { access_token: token, refresh_token, device_token } = json.data;
  await register(app, { username, email, password });
  await register(app, { username: newName(), email: `${newName()}@a.example`, password: weak });
  await register(app, { username: newName(), [misplaced]: password });
  await login(app, { email, password: wrong, device_token });
  await login(app, { email: misplaced, password });
  const entered = await login(app, { email, password, device_token });
  await trpc(app, 'auth.login', { type: 'mutation', input: { username, password } });
  await trpc(app, 'auth.login', { type: 'query', input: { username, password } });
  const refreshed = await refresh(app, refresh_token);
  const { refresh_token: successor, access_token: second } = refreshed.json.data;
  const { refresh_token: last } = (await refresh(app, successor)).json.data;
  await http(app, `/api/v1/users?token=${token}`);
  await http(app, `/nowhere?access_token=${token}`, { token: `${token}x` });
  await rest(app, '/auth/login', { body: Buffer.from(`{"password":"${wrong}"`) });
  await change(entered.json.data.access_token, wrong, next);
  await change(entered.json.data.access_token, password, next);
  expect(refusalOf(await refresh(app, last))).toEqual([401, 'UNAUTHENTICATED']);
  return [token, refresh_token, device_token, successor, second, last];
};

/** A statement that fails with the hash among its parameters. */
const failWith = async (username: string): Promise<void> => {
  const owner = new Client({ connectionString: app.urls.migration_url });
  await owner.connect();
  await owner.query(`
    create function fail() returns trigger language plpgsql as $$ begin raise 'failed' using detail = new::text; end $$;
    create trigger fail before insert on users for each row when (new.username = '${username}') execute function fail()`);
  await owner.end();
  const answer = await register(app, { username, email: `${username}@example.com`, password });
  expect(refusalOf(answer)).toEqual([500, 'INTERNAL_ERROR']);
};

it('no password, token or hash is in the log or the audit', async () => {
  const given = [...Object.values(secrets), ...(await journey(newName()))];
  await failWith(newName());
  const [{ password_hash } = {}] = await query(app, 'select password_hash from users limit 1');
  clock.advance(MINUTE);
  const audited = 'select r.*, o.* from audit_records r join audit_origins o on o.record_id = r.id';
  await expect
    .poll(async () => JSON.stringify(await query(app, audited)), { timeout: 5000 })
    .toContain('user_login_failed');
  const records = (await query(app, audited)).map((record) => JSON.stringify(record));
  expect(lines.some((line) => line.includes('"err":'))).toBe(true);
  for (const secret of [...given, String(password_hash), '$argon2id$'])
    expect([...lines, ...records].filter((written) => written.includes(secret))).toEqual([]);
});
