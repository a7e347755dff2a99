import { beforeAll, describe, expect, it } from 'vitest';
import { type Procedure, proceduresOf } from '#api/procedures.ts';
import { testApp } from '#test/app.ts';
import { type Answer, http, trpc } from '#test/calls.ts';
import { createRoom, say } from '#test/chat.ts';
import { createTrack, createUser, PASSWORD, setReady, type TestUser } from '#test/factories.ts';
import { newAccount } from '#test/accounts.ts';
import type { Input } from '#test/procedure-calls.ts';

const app = await testApp();
const procedures = proceduresOf(app.router).filter(({ route }) => !route.form);
const MISSING = 999_999_999;

/** Named so, the answer is tRPC's own adapter's; it is the same for clients that do not stream. */
const byAdapter = { 'trpc-accept': 'application/json' };

let owner: TestUser;
let other: TestUser;
let track: number;

beforeAll(async () => {
  owner = await createUser(app);
  other = await createUser(app);
  ({ id: track } = await createTrack(app, owner));
  await setReady(app, track);
});

/** Of the request, and how the body is framed: the adapter sends it in chunks. */
const varying = /^(x-request-id|date|ratelimit-.*|content-length|transfer-encoding)$/;
const typeOf = (header: unknown): string => String(header).replace('; charset=utf-8', '');

/** All that a client can tell apart, but for ids, times and secrets, which no two calls share. */
const seen = ({ status, headers, text }: Answer) => ({
  status,
  headers: {
    ...Object.fromEntries(Object.entries(headers).filter(([name]) => !varying.test(name))),
    'content-type': typeOf(headers['content-type']),
  },
  body: text
    .replaceAll(/req_[0-9a-f-]+/g, 'request')
    .replaceAll(/sig=[0-9a-f]{64}/g, 'signature')
    .replaceAll(/"code":"(?![A-Z_]+")[\w-]{16}"/g, 'invite')
    .replaceAll(/"[\w.-]{32,}"/g, '"secret"')
    .replaceAll(/u[0-9a-f]{12}/g, 'name')
    .replaceAll(/\d+/g, 'n'),
});

type Ask = { token?: string | undefined; input?: unknown };

/** The same call by either, each with an input of its own where the call uses it up. */
const both = async ({ path, type }: Procedure, make: () => Ask | Promise<Ask>) => {
  const ours = await trpc(app, path, { type, ...(await make()) });
  const adapters = await trpc(app, path, { type, headers: byAdapter, ...(await make()) });
  return [seen(ours), seen(adapters)];
};

const ownTrack = async (): Promise<Ask> => {
  const { id } = await createTrack(app, owner);
  await setReady(app, id);
  return { token: owner.token, input: { id } };
};

const asNewcomer = async (input: Input): Promise<Ask> => ({
  token: (await createUser(app)).token,
  input,
});

const deleted = async (): Promise<Ask> => {
  const ask = await ownTrack();
  await trpc(app, 'tracks.remove', { type: 'mutation', ...ask });
  return ask;
};

/** A room of its owner and one more. */
const inRoom = async (more: Input): Promise<Ask> => {
  const id = await createRoom(app, owner, { others: [other] });
  return { token: owner.token, input: { id, ...more } };
};

const onMessage = async (more: Input): Promise<Ask> => {
  const room = await createRoom(app, owner);
  const { id } = await say(app, { by: owner, room, content: 'said' });
  return { token: owner.token, input: { id, ...more } };
};

/** What each mutation is asked for when it is to succeed. */
const good: Record<string, () => Ask | Promise<Ask>> = {
  'auth.register': () => ({ input: newAccount() }),
  'auth.login': () => ({ input: { username: owner.username, password: PASSWORD } }),
  'auth.refresh': async () => ({
    input: { refresh_token: (await createUser(app)).refresh_token },
  }),
  'auth.logout': () => asNewcomer({}),
  'auth.logoutAll': () => asNewcomer({}),
  'auth.revokeSession': async () => {
    const { token } = await createUser(app);
    const { json } = await trpc(app, 'auth.me', { token });
    return { token, input: { id: json.result.data.session.id } };
  },
  'users.updateMe': () => asNewcomer({ bio: 'written "so" \u2028 and ü' }),
  'users.changePassword': () =>
    asNewcomer({ current_password: PASSWORD, new_password: 'calm-harbour!43' }),
  'tracks.recordPlay': () => ({ input: { id: track, listened_seconds: 0 } }),
  'tracks.update': async () => {
    const { token, input } = await ownTrack();
    return { token, input: { ...(input as Input), title: 'changed' } };
  },
  'tracks.remove': ownTrack,
  'tracks.restore': deleted,
  'tracks.reprocess': ownTrack,
  'users.updatePreferences': () => asNewcomer({ theme: 'dark' }),
  'users.block': () => asNewcomer({ id: owner.id }),
  'users.unblock': () => asNewcomer({ id: owner.id }),
  'rooms.create': () => asNewcomer({ name: 'A room' }),
  'rooms.update': () => inRoom({ name: 'changed' }),
  'rooms.remove': () => inRoom({}),
  'rooms.join': async () => asNewcomer({ id: await createRoom(app, owner) }),
  'rooms.leave': async () => ({ ...(await inRoom({})), token: other.token }),
  'rooms.updateMember': () => inRoom({ user_id: other.id, role: 'moderator' }),
  'rooms.removeMember': () => inRoom({ user_id: other.id }),
  'rooms.createInvite': () => inRoom({}),
  'rooms.revokeInvite': async () => {
    const { token, input } = await inRoom({});
    const { json } = await trpc(app, 'rooms.createInvite', { type: 'mutation', token, input });
    return { token, input: { ...(input as Input), code: json.result.data.code } };
  },
  'rooms.acceptInvite': async () => {
    const { token, input } = await inRoom({});
    const { json } = await trpc(app, 'rooms.createInvite', { type: 'mutation', token, input });
    return asNewcomer({ code: json.result.data.code });
  },
  'messages.send': () => inRoom({ content: 'hello' }),
  'messages.edit': () => onMessage({ content: 'changed' }),
  'messages.remove': () => onMessage({}),
  'messages.react': () => onMessage({ emoji: '🎧' }),
  'messages.unreact': () => onMessage({ emoji: '🎧' }),
  'messages.pin': () => onMessage({}),
  'messages.unpin': () => onMessage({}),
  'messages.markRead': () => inRoom({ seq: 1 }),
  'conversations.open': () => asNewcomer({ user_id: owner.id }),
};

const queries = procedures.filter(({ type }) => type === 'query');
const mutations = procedures.filter(({ type }) => type === 'mutation');

describe('a call is answered as by the adapter of tRPC', () => {
  it.each(mutations.map((procedure) => ({ path: procedure.path, procedure })))(
    '$path, done',
    async ({ path, procedure }) => {
      const make = good[path];
      if (!make) throw new Error(`Nothing is known of ${path}`);
      const [ours, adapters] = await both(procedure, make);
      expect(ours).toEqual(adapters);
      expect(ours?.status).toBe(200);
    },
  );

  it.each(procedures.map((procedure) => ({ path: procedure.path, procedure })))(
    '$path, by anyone, of anything',
    async ({ procedure }) => {
      const inputs = [undefined, {}, { id: MISSING }, { unknown: 1 }, null, [], 'text', 7];
      if (procedure.type === 'query') inputs.push({ id: track }, { id: owner.id });
      for (const token of [undefined, owner.token, other.token, 'not.a.token'])
        for (const input of inputs) {
          // Without an input a mutation has an empty one: whoever may would be signed out.
          if (procedure.path.startsWith('auth.logout') && token !== undefined) continue;
          const [ours, adapters] = await both(procedure, () => ({ token, input }));
          expect(ours).toEqual(adapters);
        }
    },
  );
});

describe('a batch is answered as by the adapter of tRPC', () => {
  const names = queries.map(({ path }) => path);
  const inputs = (written: unknown): string => encodeURIComponent(JSON.stringify(written));

  const asked = async (path: string, call: { token?: string; method?: 'POST'; body?: unknown }) => {
    const ours = await http(app, `/trpc/${path}`, call);
    const adapters = await http(app, `/trpc/${path}`, { ...call, headers: byAdapter });
    return [seen(ours), seen(adapters)];
  };

  it.each([
    ['of one', 'tracks.list?batch=1'],
    ['of two that succeed', 'tracks.list,users.list?batch=1'],
    ['of ten', `${names.slice(0, 10).join(',')}?batch=1`],
    [
      'where one is refused',
      `tracks.list,tracks.byId?batch=1&input=${inputs({ 1: { id: MISSING } })}`,
    ],
    ['where all are refused alike', `auth.me,users.me?batch=1`],
    ['where all are refused in two ways', `auth.me,tracks.byId?batch=1&input=${inputs({ 1: {} })}`],
    ['of queries and mutations', 'tracks.list,auth.logout?batch=1'],
    ['with something unknown', 'tracks.list,tracks.nothing?batch=1'],
    ['with an empty name', 'tracks.list,?batch=1'],
    ['of procedures that inherit', 'constructor,__proto__?batch=1'],
    ['with inputs in a list', `tracks.list,users.list?batch=1&input=${inputs([{ limit: 1 }, {}])}`],
    ['with inputs of nobody', `tracks.list?batch=1&input=${inputs({ 7: { limit: 1 } })}`],
    ['with an input that is text', `tracks.list?batch=1&input=${inputs('text')}`],
    ['with an input that is null', `tracks.list?batch=1&input=null`],
    ['with an input that is no JSON', 'tracks.list?batch=1&input={'],
    ['with an input that is empty', 'tracks.list?batch=1&input='],
    ['that is not called one', 'tracks.list,users.list'],
    ['that is called so otherwise', 'tracks.list?batch=true'],
    ['given twice', 'tracks.list?batch=1&batch=0&input={}&input=['],
    ['a form among others', 'tracks.upload,tracks.list?batch=1'],
    ['encoded in part', `tracks.byId?batch=1&input=%7B%220%22:%7B%22id%22:1%7D%7D`],
  ])('%s', async (_what, path) => {
    for (const token of [undefined, owner.token]) {
      const [ours, adapters] = await asked(path, token ? { token } : {});
      expect(ours).toEqual(adapters);
    }
  });

  it.each([
    ['of one', 'tracks.update', { 0: { id: MISSING, title: 'x' } }],
    ['of two', 'tracks.update,tracks.remove', { 0: { id: MISSING }, 1: { id: MISSING } }],
    ['of two without inputs', 'tracks.update,tracks.remove', {}],
    ['of a list', 'tracks.update,tracks.remove', [{ id: MISSING }, { id: MISSING }]],
    ['of what must be alone', 'auth.login,auth.login', {}],
    ['of queries', 'tracks.list,users.list', {}],
    ['of text', 'tracks.update', 'text'],
    ['of null', 'tracks.update', null],
  ])('of mutations, %s', async (_what, path, body) => {
    const call = { method: 'POST', body, token: owner.token } as const;
    const [ours, adapters] = await asked(`${path}?batch=1`, call);
    expect(ours).toEqual(adapters);
  });

  it('of mutations whose body is no JSON', async () => {
    const headers = { 'content-type': 'application/json' };
    for (const text of ['', '{', 'undefined', '{"0":'])
      for (const query of ['', '?batch=1']) {
        const call = { method: 'POST', body: Buffer.from(text), token: owner.token } as const;
        const path = `/trpc/tracks.update${query}`;
        const ours = await http(app, path, { ...call, headers });
        const adapters = await http(app, path, { ...call, headers: { ...headers, ...byAdapter } });
        expect(seen(ours)).toEqual(seen(adapters));
      }
  });
});

it('what only the adapter can do is left to it', async () => {
  const streamed = await http(app, '/trpc/tracks.list,users.list?batch=1', {
    headers: { 'trpc-accept': 'application/jsonl' },
  });
  expect(streamed.status).toBe(200);
  expect(streamed.headers['transfer-encoding']).toBe('chunked');
  expect((await http(app, '/trpc/tracks.list', { method: 'HEAD' })).status).toBe(204);
});
