import { createTRPCClient, httpBatchLink, TRPCClientError } from '@trpc/client';
import { beforeAll, describe, expect, expectTypeOf, test, vi } from 'vitest';
import { proceduresOf } from '#api/procedures.ts';
import { createUser, createWav, PASSWORD, type TestUser } from '#test/factories.ts';
import { type ListeningApp, listeningApp } from '#test/listening.ts';
import {
  type AppRouter,
  createVezaClient,
  type Inputs,
  type Outputs,
  type Tokens,
  type TokenStorage,
  type VezaClientOptions,
} from '../../../src/client/client.ts';
import { alone } from '../../../src/client/links.ts';

let app: ListeningApp;
let user: TestUser;
/** The server's clock, ahead of the clients'. */
let ahead_ms = 0;

const MINUTE = 60_000;

beforeAll(async () => {
  app = await listeningApp({ now: () => new Date(Date.now() + ahead_ms) });
  user = await createUser(app);
});

const calls = (url: string, path: string): boolean => url.endsWith(`/${path}`);

/** Every request that is really sent, as `GET users.me`. */
const recording = () => {
  const requests: string[] = [];
  const record = (url: string, init?: RequestInit) => {
    const { pathname } = new URL(url);
    requests.push(`${init?.method ?? 'GET'} ${pathname.replace('/trpc/', '')}`);
    return fetch(url, init);
  };
  return { requests, fetch: record };
};

const createStorage = (): TokenStorage => {
  let kept = 'null';
  return {
    get: () => (JSON.parse(kept) as Tokens | null) ?? undefined,
    set: (tokens) => {
      kept = JSON.stringify(tokens ?? null);
    },
  };
};

const open = (options: Partial<VezaClientOptions> = {}) => {
  const storage = createStorage();
  const { requests, fetch } = recording();
  const onSignedOut = vi.fn<() => void>();
  const client = createVezaClient({ url: app.url, storage, fetch, onSignedOut, ...options });
  return { ...client, storage: options.storage ?? storage, requests, onSignedOut };
};

const signIn = async (options: Partial<VezaClientOptions> = {}) => {
  const client = open(options);
  await client.api.auth.login.mutate({ email: user.email, password: PASSWORD });
  client.requests.length = 0;
  return client;
};

/** Signed in, with an access token that the server no longer takes. */
const expired = async (options: Partial<VezaClientOptions> = {}) => {
  const client = await signIn(options);
  ahead_ms += 16 * MINUTE;
  return client;
};

const refusalOf = (call: Promise<unknown>): Promise<TRPCClientError<AppRouter>> =>
  call.then(
    () => expect.unreachable('the call was not refused'),
    (fault: unknown) => {
      expect(fault).toBeInstanceOf(TRPCClientError);
      return fault as TRPCClientError<AppRouter>;
    },
  );

const stock = (headers: Record<string, string> = {}) =>
  createTRPCClient<AppRouter>({
    links: [httpBatchLink({ url: `${app.url}/trpc`, headers, maxItems: 10 })],
  });

const codeOf = async (call: Promise<unknown>) => (await refusalOf(call)).data?.code;

const times = <T>(count: number, call: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => call(index)));

describe('signing in', () => {
  test('a login signs every later call, without a refresh', async () => {
    const { api, signedIn, requests } = open();
    expect(signedIn()).toBe(false);
    expect(await codeOf(api.users.me.query())).toBe('UNAUTHENTICATED');
    await api.auth.login.mutate({ username: user.username, password: PASSWORD });
    expect(signedIn()).toBe(true);
    expect(await api.users.me.query()).toMatchObject({ id: user.id, email: user.email });
    expect(requests).toEqual(['GET users.me', 'POST auth.login', 'GET users.me']);
  });

  test('a registration signs in', async () => {
    const { api, storage } = open();
    const { user } = await api.auth.register.mutate({
      username: `reg${Date.now()}`,
      email: `reg${Date.now()}@example.com`,
      password: PASSWORD,
    });
    expect(await api.auth.me.query()).toMatchObject({ user: { id: user.id } });
    expect(storage.get()?.expires_at).toBeGreaterThan(Date.now() + 14 * MINUTE);
  });

  test('tokens are kept in memory when nothing else is asked for', async () => {
    const client = createVezaClient({ url: `${app.url}/` });
    await client.api.auth.login.mutate({ email: user.email, password: PASSWORD });
    expect(await client.api.users.me.query()).toMatchObject({ id: user.id });
    const other = createVezaClient({ url: app.url });
    expect(other.signedIn()).toBe(false);
  });

  test('a login succeeds over tokens that are no longer good', async () => {
    const { api, storage } = await signIn();
    storage.set({ access_token: 'old', refresh_token: 'old', expires_at: 0 });
    await api.auth.login.mutate({ email: user.email, password: PASSWORD });
    expect(await api.users.me.query()).toMatchObject({ id: user.id });
  });

  test('a changed password goes on in the new session', async () => {
    const account = await createUser(app);
    const { api, requests } = open();
    await api.auth.login.mutate({ email: account.email, password: PASSWORD });
    await api.users.changePassword.mutate({
      current_password: PASSWORD,
      new_password: 'another-harbour!43',
    });
    expect(await api.users.me.query()).toMatchObject({ id: account.id });
    expect(requests).not.toContain('POST auth.refresh');
  });

  test.each(['logout', 'logoutAll'] as const)('%s forgets the tokens', async (name) => {
    const account = await createUser(app);
    const { api, signedIn, onSignedOut } = open();
    await api.auth.login.mutate({ email: account.email, password: PASSWORD });
    await api.auth[name].mutate();
    expect(signedIn()).toBe(false);
    expect(onSignedOut).toHaveBeenCalledTimes(1);
  });

  test('signing out ends the session on the server', async () => {
    const { api, storage, signOut, signedIn, onSignedOut } = await signIn();
    const tokens = storage.get();
    await signOut();
    expect(signedIn()).toBe(false);
    expect(onSignedOut).toHaveBeenCalledTimes(1);
    storage.set(tokens);
    expect(await codeOf(api.users.me.query())).toBe('UNAUTHENTICATED');
  });

  test('signing out needs no server', async () => {
    const { signOut, signedIn } = await signIn({
      fetch: (url, init) =>
        calls(url, 'auth.logout') ? Promise.reject(new Error('offline')) : fetch(url, init),
    });
    await signOut();
    expect(signedIn()).toBe(false);
  });
});

describe('requests', () => {
  test('25 calls of a moment travel in three requests', async () => {
    const { api, requests } = await signIn();
    const answers = await times(25, () => api.users.byId.query({ id: user.id }));
    expect(answers.map(({ username }) => username)).toEqual(Array(25).fill(user.username));
    expect(requests).toHaveLength(3);
  });

  test('one refused call of a batch does not refuse the others', async () => {
    const { api, requests } = await signIn();
    const [missing, me] = await Promise.all([
      codeOf(api.users.byId.query({ id: 2 ** 40 })),
      api.users.me.query(),
    ]);
    expect(missing).toBe('NOT_FOUND');
    expect(me.id).toBe(user.id);
    expect(requests).toHaveLength(1);
  });

  test('what the service takes in no batch is never sent in one', async () => {
    const refused = proceduresOf(app.router).filter(({ route }) => route.batchable === false);
    expect(refused.map(({ path }) => path).sort()).toEqual([...alone].sort());
    const { api, requests } = open();
    const login = { email: user.email, password: PASSWORD };
    await Promise.all([
      api.auth.login.mutate(login),
      api.auth.login.mutate(login),
      codeOf(api.auth.refresh.mutate({ refresh_token: 'unknown' })),
    ]);
    expect(requests.toSorted()).toEqual([
      'POST auth.login',
      'POST auth.login',
      'POST auth.refresh',
    ]);
  });

  test('a file is uploaded as FormData', async () => {
    const { api } = await signIn();
    const content = createWav();
    const form = new FormData();
    form.set('title', 'Noise');
    form.set('file', new Blob([new Uint8Array(content)]), 'noise.wav');
    const track = await api.tracks.upload.mutate(form);
    expect(track).toMatchObject({ title: 'Noise', size_bytes: content.length, duplicate: false });
    expect(await api.tracks.mine.query()).toMatchObject({ data: [{ id: track.id }] });
  });

  test('media come as addresses that can be opened', async () => {
    const { api } = await signIn();
    const { data } = await api.tracks.mine.query();
    const track = data[0] ?? expect.unreachable('nothing was uploaded');
    const link = await api.tracks.stream.query({ id: track.id });
    const response = await fetch(link.url);
    expect(response.status).toBe(200);
    expect((await response.bytes()).length).toBe(track.size_bytes);
  });

  test('a refusal tells its code, its details and the request', async () => {
    const { api } = await signIn();
    const call = api.users.updateMe.mutate({ links: [{ label: '', url: 'ftp://x' }] });
    const { data } = await refusalOf(call);
    expect(data).toMatchObject({
      code: 'VALIDATION_ERROR',
      httpStatus: 400,
      path: 'users.updateMe',
      request_id: expect.stringMatching(/^req_/),
    });
    expect(data?.details.map(({ field }) => field)).toEqual(['links.0.label', 'links.0.url']);
  });
});

describe('an access token that has expired', () => {
  test('is refreshed once for 20 calls at once, which are all answered', async () => {
    const { api, requests } = await expired();
    const answers = await times(20, () => api.users.me.query());
    expect(answers.map(({ id }) => id)).toEqual(Array(20).fill(user.id));
    expect(requests.filter((name) => name === 'POST auth.refresh')).toHaveLength(1);
    expect(requests).toHaveLength(5);
  });

  test('is refreshed ahead where this clock tells that it is over', async () => {
    const { api, storage, requests } = await expired();
    storage.set({ ...(storage.get() ?? expect.unreachable()), expires_at: Date.now() });
    await times(20, () => api.users.me.query());
    expect(requests).toHaveLength(3);
    expect(requests[0]).toBe('POST auth.refresh');
  });

  test('is refreshed for an upload, which is sent again whole', async () => {
    const { api } = await expired();
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(createWav(60))]), 'noise.wav');
    expect(await api.tracks.upload.mutate(form)).toMatchObject({ duplicate: false });
  });

  test('is refreshed once more when the next one has expired, too', async () => {
    const { api } = await expired();
    await api.users.me.query();
    ahead_ms += 16 * MINUTE;
    expect(await api.users.me.query()).toMatchObject({ id: user.id });
  });

  test('is refreshed by two tabs at once, and both go on', async () => {
    const storage = createStorage();
    const [one, two] = [await expired({ storage }), open({ storage })];
    const answers = await times(10, (index) => (index % 2 ? one : two).api.users.me.query());
    expect(answers).toHaveLength(10);
    ahead_ms += 16 * MINUTE;
    expect(await two.api.users.me.query()).toMatchObject({ id: user.id });
    expect(await one.api.users.me.query()).toMatchObject({ id: user.id });
  });

  test('is not refreshed when another tab has done so', async () => {
    const storage = createStorage();
    const [one, two] = [await expired({ storage }), open({ storage })];
    await one.api.users.me.query();
    await two.api.users.me.query();
    expect(two.requests).toEqual(['GET users.me']);
  });

  test('is replaced by what another tab stored while this one asked', async () => {
    const storage = createStorage();
    const other = await signIn();
    const one = await expired({
      storage,
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        if (calls(url, 'auth.refresh')) storage.set(other.storage.get());
        return response;
      },
    });
    await other.api.users.me.query();
    await one.api.users.me.query();
    expect(storage.get()).toEqual(other.storage.get());
  });

  test('keeps the session through an outage', async () => {
    let broken = true;
    const { api, signedIn, onSignedOut } = await expired({
      fetch: async (url, init) =>
        broken && calls(url, 'auth.refresh') ? new Response('', { status: 502 }) : fetch(url, init),
    });
    await refusalOf(api.users.me.query());
    expect(signedIn()).toBe(true);
    broken = false;
    expect(await api.users.me.query()).toMatchObject({ id: user.id });
    expect(onSignedOut).not.toHaveBeenCalled();
  });
});

describe('a session that has ended', () => {
  test('signs out once, however many calls find out', async () => {
    const account = await createUser(app);
    const login = { email: account.email, password: PASSWORD };
    const [one, two] = [open(), open()];
    await one.api.auth.login.mutate(login);
    await two.api.auth.login.mutate(login);
    await two.api.auth.logoutAll.mutate();
    one.requests.length = 0;
    const codes = await times(20, () => codeOf(one.api.users.me.query()));
    expect(codes).toEqual(Array(20).fill('UNAUTHENTICATED'));
    expect(one.onSignedOut).toHaveBeenCalledTimes(1);
    expect(one.signedIn()).toBe(false);
    expect(one.requests.filter((name) => name === 'POST auth.refresh')).toHaveLength(1);
  });

  test('lets the client go on as a stranger', async () => {
    const { api, storage, onSignedOut } = await signIn();
    storage.set({ access_token: 'forged', refresh_token: 'forged', expires_at: 0 });
    expect((await api.users.byId.query({ id: user.id })).username).toBe(user.username);
    expect(onSignedOut).toHaveBeenCalledTimes(1);
  });

  test('is not brought back by a refresh that was under way at sign-out', async () => {
    const { promise: asked, resolve: tellAsked } = Promise.withResolvers<void>();
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const { api, storage, signedIn } = await signIn({
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        if (!calls(url, 'auth.refresh')) return response;
        tellAsked();
        await answered;
        return response;
      },
    });
    ahead_ms += 16 * MINUTE;
    const call = api.users.me.query();
    await asked;
    storage.set(undefined);
    answer();
    expect(await codeOf(call)).toBe('TOKEN_EXPIRED');
    expect(signedIn()).toBe(false);
  });

  test('a wrong password refuses the change and not the session', async () => {
    const { api, signedIn, requests } = await signIn();
    const call = api.users.changePassword.mutate({
      current_password: 'not-the-harbour!1',
      new_password: 'another-harbour!43',
    });
    expect(await codeOf(call)).toBe('INVALID_CREDENTIALS');
    expect(signedIn()).toBe(true);
    expect(requests).toEqual(['POST users.changePassword']);
  });
});

describe('the stock client of tRPC', () => {
  test('needs no help of ours', async () => {
    const { access_token } = await stock().auth.login.mutate({
      email: user.email,
      password: PASSWORD,
    });
    const api = stock({ authorization: `Bearer ${access_token}` });
    const answers = await times(20, () => api.users.me.query());
    expect(answers.map(({ id }) => id)).toEqual(Array(20).fill(user.id));
  });

  test('reads the code of whatever refuses it, before a procedure or in one', async () => {
    const bad = stock({ authorization: 'Bearer forged' });
    const codes = await Promise.all([
      codeOf(bad.users.me.query()),
      codeOf(bad.tracks.list.query()),
      codeOf(stock().users.me.query()),
    ]);
    expect(codes).toEqual(Array(3).fill('UNAUTHENTICATED'));
    const { access_token } = await stock().auth.login.mutate({
      email: user.email,
      password: PASSWORD,
    });
    ahead_ms += 16 * MINUTE;
    const old = stock({ authorization: `Bearer ${access_token}` });
    const { data, shape } = await refusalOf(old.users.me.query());
    expect(data).toMatchObject({ code: 'TOKEN_EXPIRED', httpStatus: 401 });
    expect(shape?.code).toBe(-32_001);
  });
});

describe('types', () => {
  const { api } = createVezaClient({ url: 'http://localhost' });

  test('inputs are those of the contract', () => {
    expectTypeOf<Inputs['tracks']['upload']>().toEqualTypeOf<FormData>();
    expectTypeOf<Inputs['users']['byId']>().toEqualTypeOf<{ id: number }>();
    expectTypeOf(api.tracks.list.query).toBeCallableWith();
    expectTypeOf(api.tracks.list.query).toBeCallableWith({ limit: 5, cursor: '' });
    const refused = () => [
      // @ts-expect-error -- an id is a number
      api.users.byId.query({ id: '1' }),
      // @ts-expect-error -- there is no such field
      api.users.updateMe.mutate({ nickname: 'ana' }),
      // @ts-expect-error -- a query cannot be mutated
      api.users.me.mutate(),
      // @ts-expect-error -- an upload is a form
      api.tracks.upload.mutate({ title: 'Noise' }),
      // @ts-expect-error -- there is no such operation
      api.tracks.erase.mutate({ id: 1 }),
    ];
    expect(refused).toBeTypeOf('function');
  });

  test('outputs are those of the wire', () => {
    type Track = Outputs['tracks']['byId'];
    expectTypeOf<Track['created_at']>().toEqualTypeOf<string>();
    expectTypeOf<Track['visibility']>().toEqualTypeOf<'private' | 'unlisted' | 'public'>();
    expectTypeOf<Outputs['tracks']['stream']>().toEqualTypeOf<{
      url: string;
      expires_at: string;
      content_type: string;
      size_bytes: number;
    }>();
    expectTypeOf<TRPCClientError<AppRouter>['data']>().not.toBeAny();
  });
});
