import { expect, vi } from 'vitest';
import type { TestApp } from './app.ts';
import { type Answer, rest } from './calls.ts';
import type { TestUser } from './factories.ts';
import { query } from './tracks.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** One call in somebody's name. */
export const as =
  (app: TestApp, user: Pick<TestUser, 'token'>) =>
  (method: Method, path: string, body?: unknown): Promise<Answer> =>
    rest(app, path, { method, token: user.token, ...(body !== undefined && { body }) });

/** A room of `owner` with others in it, who came by joining or by an invite. */
export const createRoom = async (
  app: TestApp,
  owner: TestUser,
  { kind = 'public', others = [] }: { kind?: 'public' | 'private'; others?: TestUser[] } = {},
): Promise<number> => {
  const { id } = (await as(app, owner)('POST', '/rooms', { name: 'A room', kind })).json.data;
  for (const other of others) {
    if (kind === 'public') await as(app, other)('POST', `/rooms/${id}/join`);
    else {
      const { code } = (await as(app, owner)('POST', `/rooms/${id}/invites`, {})).json.data;
      await as(app, other)('POST', `/rooms/invites/${code}/accept`);
    }
  }
  return id;
};

export const say = async (
  app: TestApp,
  { by, room, ...message }: { by: TestUser; room: number; content: string; client_id?: string },
) => (await as(app, by)('POST', `/rooms/${room}/messages`, message)).json.data;

/** Suites say much in little time: what counts how often somebody speaks is switched off for them. */
export const allowFloods = async (app: TestApp): Promise<void> => {
  const again = () =>
    app.services.moderation.review({ text: 'a'.repeat(100), scope: 'message', author_id: null });
  await again();
  await query(
    app,
    `with quiet as (update moderation_rules set enabled = false where kind in ('flood', 'repetition') returning id)
     select pg_notify('veza_moderation', '') from quiet`,
  );
  await vi.waitFor(async () => expect((await again()).action).toBe('allow'), { timeout: 10_000 });
};
