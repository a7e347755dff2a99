import type { DescMethod } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, it } from 'vitest';
import { AuthService } from '#proto/veza/auth/v1/auth_pb.ts';
import { StreamService } from '#proto/veza/stream/v1/stream_pb.ts';
import { createTrack, createUser, setAccount, setReady, type TestUser } from '#test/factories.ts';
import { callGrpc, grpcApp, openStream } from '#test/grpc.ts';
import { createLiveEvents } from '#test/live-events.ts';
import { query } from '#test/tracks.ts';

/**
 * Who may do what over gRPC. A thing is that of `owner`; for `suspended`, which is its suspended owner, its own.
 * What is refused to the token of a banned account is everything. Columns are two spaces apart or more.
 */
const table = `
method                   on                stranger         owner             other             moderator         admin             suspended         service
ValidateToken            itself            UNAUTHENTICATED  ok                ok                ok                ok                ok                UNAUTHENTICATED
GetUserInfo              itself            UNAUTHENTICATED  ok                ok                ok                ok                ok                UNAUTHENTICATED
GetUserInfo              somebody          UNAUTHENTICATED  ok                ok                ok                ok                ok                ok
GetUserInfo              somebody banned   UNAUTHENTICATED  NOT_FOUND         NOT_FOUND         NOT_FOUND         NOT_FOUND         NOT_FOUND         ok
CheckPermissions         itself            UNAUTHENTICATED  ok                ok                ok                ok                ok                VALIDATION_ERROR
CheckPermissions         somebody          UNAUTHENTICATED  FORBIDDEN         FORBIDDEN         FORBIDDEN         FORBIDDEN         FORBIDDEN         ok
RevokeToken              itself            UNAUTHENTICATED  ok                ok                ok                ok                ok                UNAUTHENTICATED
AuthorizeStream          a public track    UNAUTHENTICATED  FORBIDDEN         FORBIDDEN         FORBIDDEN         FORBIDDEN         FORBIDDEN         ok
AuthorizeStream          a private track   UNAUTHENTICATED  FORBIDDEN         FORBIDDEN         FORBIDDEN         FORBIDDEN         FORBIDDEN         NOT_FOUND
ReportPlayback           a public track    UNAUTHENTICATED  FORBIDDEN         FORBIDDEN         FORBIDDEN         FORBIDDEN         FORBIDDEN         ok
ReportPlayback           a private track   UNAUTHENTICATED  FORBIDDEN         FORBIDDEN         FORBIDDEN         FORBIDDEN         FORBIDDEN         NOT_FOUND
SubscribeToStreamEvents  nothing           UNAUTHENTICATED  VALIDATION_ERROR  VALIDATION_ERROR  VALIDATION_ERROR  VALIDATION_ERROR  VALIDATION_ERROR  ok
SubscribeToStreamEvents  a public track    UNAUTHENTICATED  ok                ok                ok                ok                ok                ok
SubscribeToStreamEvents  a private track   UNAUTHENTICATED  ok                NOT_FOUND         NOT_FOUND         NOT_FOUND         ok                ok
`;

const callers = [
  'stranger',
  'owner',
  'other',
  'moderator',
  'admin',
  'suspended',
  'service',
] as const;
type Caller = (typeof callers)[number];

const [, ...lines] = table.trim().split('\n');
const rows = lines.map((line) => {
  const [method = '', on = '', ...cells] = line.split(/ {2,}/);
  const expected = Object.fromEntries(
    callers.map((caller, at) => [caller, cells[at] ?? 'missing']),
  );
  return { method, on, expected };
});

const methods = new Map<string, DescMethod>(
  [AuthService, StreamService].flatMap(({ methods }) => methods.map((each) => [each.name, each])),
);

const { live } = createLiveEvents();
const app = await grpcApp({ live });

type Cast = Record<Exclude<Caller, 'stranger' | 'service'>, TestUser>;
let somebody: TestUser;
let banned: TestUser;

const createCast = async (): Promise<Cast> => ({
  owner: await createUser(app),
  other: await createUser(app),
  moderator: await createUser(app, { role: 'moderator' }),
  admin: await createUser(app, { role: 'admin' }),
  suspended: await createUser(app),
});

beforeAll(async () => {
  somebody = await createUser(app);
  banned = await createUser(app, { state: 'banned' });
});

const trackOf = async (owner: TestUser, visibility: string): Promise<bigint> => {
  const { id } = await createTrack(app, owner, { visibility });
  await setReady(app, id);
  return BigInt(id);
};

/** What a row is about; made for its owner. */
const subjects: Record<string, (owner: TestUser) => Promise<bigint>> = {
  nothing: async () => 0n,
  itself: async () => 0n,
  somebody: async () => BigInt(somebody.id),
  'somebody banned': async () => BigInt(banned.id),
  'a public track': (owner) => trackOf(owner, 'public'),
  'a private track': (owner) => trackOf(owner, 'private'),
};

const requests: Record<string, (id: bigint) => Record<string, unknown>> = {
  GetUserInfo: (userId) => ({ userId }),
  CheckPermissions: (userId) => ({ userId, resource: 'tracks', action: 'read' }),
  AuthorizeStream: (value) => ({ by: { case: 'trackId', value } }),
  ReportPlayback: (value) => ({
    by: { case: 'trackId', value },
    listenedSeconds: 1,
    listener: { ipAddress: '203.0.113.9', userAgent: 'player' },
  }),
  SubscribeToStreamEvents: (id) => ({ trackIds: id === 0n ? [] : [id] }),
};

type As = { token?: string; service?: boolean };

/** `ok`, or the code of the refusal. */
const outcomeOf = async (
  name: string,
  request: Record<string, unknown>,
  as: As,
): Promise<string | undefined> => {
  const method = methods.get(name);
  if (!method) return `There is no method ${name}`;
  if (method.methodKind !== 'server_streaming') {
    const { code, reason } = await callGrpc(app, method, request, as);
    return code === 'OK' ? 'ok' : reason;
  }
  const { stream, begun, ended } = openStream(app, method, { request, ...as });
  const refused = await Promise.race([ended, begun.then(() => undefined)]);
  const late = refused ?? (stream.destroyed || stream.readableEnded ? await ended : undefined);
  stream.cancel();
  if (!late) return 'ok';
  return 'reason' in late ? late.reason : late.code;
};

it('the policy has a row for every method, and no other', () => {
  expect(new Set(rows.map(({ method }) => method))).toEqual(new Set(methods.keys()));
});

describe.each(rows)('$method on $on', ({ method, on, expected }) => {
  it('is as the table says', async () => {
    const cast = await createCast();
    const make = subjects[on];
    if (!make) throw new Error(`Nothing is known of ${on}`);
    const [subject, own] = [await make(cast.owner), await make(cast.suspended)];
    await setAccount(app, cast.suspended.id, { state: 'suspended' });
    const requestFor = (id: bigint) => requests[method]?.(id) ?? {};
    const outcomes: Record<string, string | undefined> = {};
    for (const caller of callers) {
      const request = requestFor(caller === 'suspended' ? own : subject);
      const as =
        caller === 'stranger'
          ? {}
          : caller === 'service'
            ? { service: true }
            : { token: cast[caller].token };
      outcomes[caller] = await outcomeOf(method, request, as);
    }
    expect(outcomes).toEqual(expected);
    const [before] = await query(app, 'select count(*)::int as plays from track_plays');
    for (const service of [false, true])
      expect(await outcomeOf(method, requestFor(subject), { token: banned.token, service })).toBe(
        'UNAUTHENTICATED',
      );
    expect(await query(app, 'select count(*)::int as plays from track_plays')).toEqual([before]);
  });
});
