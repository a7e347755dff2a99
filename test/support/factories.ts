import { randomBytes } from 'node:crypto';
import type { AccountState, Role } from '#kernel/actor.ts';
import { wavOf } from '../../src/commands/wav.ts';
import type { TestApp } from './app.ts';
import { form, rest } from './calls.ts';

export const PASSWORD = 'quiet-harbour!42';

export type TestUser = {
  id: number;
  username: string;
  email: string;
  token: string;
  refresh_token: string;
  device_token: string;
};

/** A new account, signed in. Role and state are set as an administrator would. */
export const createUser = async (
  app: TestApp,
  { role, state }: { role?: Role; state?: AccountState } = {},
): Promise<TestUser> => {
  const username = `u${randomBytes(6).toString('hex')}`;
  const email = `${username}@example.com`;
  const { json } = await rest(app, '/auth/register', {
    method: 'POST',
    body: { username, email, password: PASSWORD },
  });
  const { user, access_token, refresh_token, device_token } = json.data;
  if (role || state) await setAccount(app, user.id, { role, state });
  return { id: user.id, username, email, token: access_token, refresh_token, device_token };
};

/** Changes role or state as another process would: the change is announced and heard. */
export const setAccount = async (
  app: TestApp,
  id: number,
  { role, state }: { role?: Role | undefined; state?: AccountState | undefined },
): Promise<void> => {
  await app.outside.pool.query(
    `with changed as (update users set role = coalesce($2, role), state = coalesce($3, state) where id = $1 returning id)
     select pg_notify('veza_sessions', 'user:' || id) from changed`,
    [id, role ?? null, state ?? null],
  );
};

/** A WAV file of noise that no other has: 16 bits, mono, 8 kHz. */
export const createWav = (seconds = 1): Buffer =>
  wavOf(randomBytes(seconds * 8000 * 2), { sample_rate: 8000, channels: 1 });

/** Uploads a track of noise and answers it as the owner sees it. */
export const createTrack = async (
  app: TestApp,
  owner: TestUser,
  fields: Record<string, string> = {},
) => {
  const upload = form({ content: createWav() }, fields);
  const { json } = await rest(app, '/tracks', { method: 'POST', token: owner.token, ...upload });
  return json.data;
};

/** As the job would leave it. */
export const setReady = (app: TestApp, track_id: number) =>
  app.outside.pool.query(
    `update tracks set status = 'ready', duration_seconds = 1 where id = ${track_id}`,
  );
