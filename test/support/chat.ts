import type { TestApp } from './app.ts';
import { type Answer, rest } from './calls.ts';
import type { TestUser } from './factories.ts';

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
