import { beforeAll, describe, expect, it } from 'vitest';
import { type Procedure, proceduresOf } from '#api/procedures.ts';
import { testApp } from '#test/app.ts';
import { type Answer, rest } from '#test/calls.ts';
import {
  createTrack,
  createUser,
  createWav,
  PASSWORD,
  setReady,
  type TestUser,
} from '#test/factories.ts';
import { type Door, doors, type Input, outcomeOf } from '#test/procedure-calls.ts';
import { query } from '#test/tracks.ts';
import { type Caller, callers, policy, type PolicyRow } from './policy-table.ts';

const app = await testApp({ environment: { REQUEST_TIMEOUT: '15s' } });
const procedures = new Map(proceduresOf(app.router).map((each) => [each.path, each]));
const MISSING = 999_999_999;

type Cast = Record<Exclude<Caller, 'stranger'>, TestUser>;

const createCast = async (): Promise<Cast> => ({
  owner: await createUser(app),
  other: await createUser(app),
  moderator: await createUser(app, { role: 'moderator' }),
  admin: await createUser(app, { role: 'admin' }),
  suspended: await createUser(app, { state: 'suspended' }),
});

let shared: Cast;
let banned: TestUser;
let uploader: TestUser;
let visited: TestUser;
let names = 0;

beforeAll(async () => {
  shared = await createCast();
  banned = await createUser(app, { state: 'banned' });
  uploader = await createUser(app);
  visited = await createUser(app);
});

/** Uploaded by somebody who may, and then handed over: its owner may be suspended. */
const trackOf = async (owner: TestUser, columns: string): Promise<Input> => {
  const { id } = await createTrack(app, uploader);
  await setReady(app, id);
  await query(app, `update tracks set user_id = ${owner.id}, ${columns} where id = ${id}`);
  await query(app, `update users set storage_used_bytes = 1e8 where id = ${owner.id}`);
  return { id };
};

const secondSessionOf = async ({ id, username }: TestUser): Promise<Input> => {
  const body = { username, password: PASSWORD };
  await rest(app, '/auth/login', { method: 'POST', body });
  const [newest] = await query(app, `select max(id) as id from sessions where user_id = ${id}`);
  return { id: Number(newest?.['id']) };
};

/** Put there as it would be: its owner may be suspended, and then opens none. */
const roomOf = async (
  { id }: TestUser,
  kind: 'public' | 'private',
  others: number[] = [],
): Promise<number> => {
  const [room] = await query(
    app,
    `insert into rooms (kind, name, created_by, member_count) values ('${kind}', 'A room', ${id}, ${1 + others.length}) returning id`,
  );
  const room_id = Number(room?.['id']);
  const rows = [
    `(${room_id}, ${id}, 'owner')`,
    ...others.map((of) => `(${room_id}, ${of}, 'member')`),
  ];
  await query(app, `insert into room_members (room_id, user_id, role) values ${rows.join(', ')}`);
  return room_id;
};

const inviteTo = async (room_id: number, { id }: TestUser): Promise<string> => {
  const code = `code${room_id}`;
  await query(
    app,
    `insert into room_invites (code, room_id, created_by) values ('${code}', ${room_id}, ${id})`,
  );
  return code;
};

const messageOf = async (owner: TestUser, kind: 'public' | 'private'): Promise<Input> => {
  const room_id = await roomOf(owner, kind);
  const [message] = await query(
    app,
    `with moved as (update rooms set last_seq = 1 where id = ${room_id})
     insert into messages (room_id, seq, user_id, content) values (${room_id}, 1, ${owner.id}, 'said') returning id`,
  );
  return { id: Number(message?.['id']) };
};

/** What a row is about; made for its owner. */
const subjects: Record<string, (owner: TestUser) => Promise<Input>> = {
  nothing: async () => ({}),
  itself: async () => ({}),
  'a file': async () => ({}),
  'a password': async () => ({ current_password: PASSWORD, new_password: 'calm-harbour!43' }),
  'a new account': async () => {
    names += 1;
    const username = `newcomer${names}`;
    return { username, email: `${username}@example.com`, password: PASSWORD };
  },
  'an account': async () => ({ username: visited.username, password: PASSWORD }),
  'a refresh token': async () => ({ refresh_token: (await createUser(app)).refresh_token }),
  'a session': secondSessionOf,
  'a profile': async ({ id }) => ({ id }),
  'a banned profile': async () => ({ id: banned.id }),
  'a public track': (owner) => trackOf(owner, "visibility = 'public'"),
  'a downloadable': (owner) => trackOf(owner, 'is_downloadable = true'),
  'an unlisted track': (owner) => trackOf(owner, "visibility = 'unlisted'"),
  'a private track': (owner) => trackOf(owner, "visibility = 'private'"),
  'a deleted track': (owner) => trackOf(owner, 'deleted_at = now()'),
  'a visitor': async () => ({ id: (await createUser(app)).id }),
  'a visitor to talk to': async () => ({ user_id: (await createUser(app)).id }),
  'a new room': async () => ({ name: 'A new room' }),
  'a public room': async (owner) => ({ id: await roomOf(owner, 'public') }),
  'a private room': async (owner) => ({ id: await roomOf(owner, 'private') }),
  'a room member': async (owner) => {
    const user_id = (await createUser(app)).id;
    return { id: await roomOf(owner, 'public', [user_id]), user_id };
  },
  'an invite': async (owner) => {
    const id = await roomOf(owner, 'private');
    return { id, code: await inviteTo(id, owner) };
  },
  'an invite code': async (owner) => {
    const id = await roomOf(owner, 'private');
    return { code: await inviteTo(id, owner) };
  },
  'a message': (owner) => messageOf(owner, 'public'),
  'a hidden message': (owner) => messageOf(owner, 'private'),
};

/** What a procedure asks for besides. */
const further: Record<string, Input> = {
  'users.updateMe': { bio: 'changed' },
  'tracks.recordPlay': { listened_seconds: 1 },
  'tracks.update': { title: 'changed' },
  'users.updatePreferences': { theme: 'dark' },
  'rooms.update': { name: 'changed' },
  'rooms.updateMember': { muted_until: '2030-01-01T00:00:00.000Z' },
  'messages.send': { content: 'hello' },
  'messages.edit': { content: 'changed' },
  'messages.react': { emoji: '🎧' },
  'messages.unreact': { emoji: '🎧' },
  'messages.markRead': { seq: 1 },
};

/** Whoever may do these has no session afterwards, or another password. */
const consuming = ['auth.logout', 'auth.logoutAll', 'auth.revokeSession', 'users.changePassword'];

const inputFor = async ({ procedure, on }: PolicyRow, owner: TestUser): Promise<Input> => {
  const make = subjects[on];
  if (!make) throw new Error(`Nothing is known of ${on}`);
  return { ...(await make(owner)), ...further[procedure] };
};

const procedureOf = ({ procedure }: PolicyRow): Procedure => {
  const found = procedures.get(procedure);
  if (!found) throw new Error(`There is no procedure ${procedure}`);
  return found;
};

const ask = (
  door: Door,
  row: PolicyRow,
  { token, input }: { token?: string | undefined; input: Input },
) =>
  doors[door](app, {
    procedure: procedureOf(row),
    token,
    input,
    file: row.on === 'a file' ? createWav() : undefined,
  });

/** Every table that a refused call might touch; refusals themselves are audited. */
const tables = await query(
  app,
  `select format('%I.%I', schemaname, tablename) as name from pg_tables
   where schemaname = 'public' and tablename not like 'audit%' order by 1`,
);

const digest = async (): Promise<unknown> => {
  const sums = tables.map(
    ({ name }) =>
      `select '${name}' as name, md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from ${name} t`,
  );
  const jobs = `select 'jobs', count(*)::text from pgboss.job where name = 'tracks.process'`;
  return query(app, [...sums, jobs].join(' union all '));
};

const varying = /^(x-request-id|date|ratelimit-.*)$/;

/** All that a caller can see of an answer but the request's own id and time. */
const seen = ({ status, headers, text }: Answer) => ({
  status,
  headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !varying.test(name))),
  body: text
    .replaceAll(String(headers['x-request-id']), 'id')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'time'),
});

const refusedFirst = ({ outcomes }: PolicyRow): Caller[] => [
  ...callers.filter((caller) => outcomes[caller] !== 'ok'),
  ...callers.filter((caller) => outcomes[caller] === 'ok'),
];

const rows = policy.flatMap((row) =>
  (['REST', 'tRPC'] as const).map((door) => ({ ...row, row, door })),
);

describe('the policy', () => {
  it('has a row for every procedure, and no other', () => {
    expect([...new Set(policy.map(({ procedure }) => procedure))].sort()).toEqual(
      [...procedures.keys()].sort(),
    );
  });

  it('lets strangers no further than the contract says', () => {
    for (const { procedure, outcomes } of policy)
      expect([procedure, outcomes.stranger === 'UNAUTHENTICATED']).toEqual([
        procedure,
        procedures.get(procedure)?.route.caller !== 'anyone',
      ]);
  });
});

describe.each(rows)('$procedure on $on over $door', ({ row, door }) => {
  const changes = procedures.get(row.procedure)?.type === 'mutation';

  it('is as the table says', async () => {
    const cast = consuming.includes(row.procedure) ? await createCast() : shared;
    const own = await inputFor(row, cast.suspended);
    let subject = await inputFor(row, cast.owner);
    let before: unknown = await digest();

    for (const caller of refusedFirst(row)) {
      const expected = row.outcomes[caller];
      const input = caller === 'suspended' ? own : subject;
      const token = caller === 'stranger' ? undefined : cast[caller].token;
      const answer = await ask(door, row, { token, input });
      expect([caller, outcomeOf(answer)]).toEqual([caller, expected]);
      if (expected === 'NOT_FOUND') {
        const missing = await ask(door, row, { token, input: { ...input, id: MISSING } });
        expect(seen(answer)).toEqual(seen(missing));
      }
      if (expected === 'ok' && changes) {
        subject = await inputFor(row, cast.owner);
        before = await digest();
      } else expect(await digest()).toEqual(before);
    }
  });

  it('is refused to the token of a banned account', async () => {
    const before = await digest();
    const input = { id: MISSING, ...further[row.procedure] };
    const answer = await ask(door, row, { token: banned.token, input });
    expect([answer.status, outcomeOf(answer)]).toEqual([401, 'UNAUTHENTICATED']);
    expect(await digest()).toEqual(before);
  });
});
