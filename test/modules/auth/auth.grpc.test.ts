import { describe, expect, it } from 'vitest';
import { AuthService } from '#proto/veza/auth/v1/auth_pb.ts';
import { testApp } from '#test/app.ts';
import { rest } from '#test/calls.ts';
import { createTrack, createUser, setAccount, setReady, type TestUser } from '#test/factories.ts';
import { callGrpc, grpcApp } from '#test/grpc.ts';
import { query } from '#test/tracks.ts';

const app = await grpcApp();
const neighbour = await testApp({ beside: app });
const { validateToken, getUserInfo, checkPermissions, revokeToken } = AuthService.method;
const MISSING = 999_999_999n;

const validate = (token: string | undefined) => callGrpc(app, validateToken, {}, { token });

describe('ValidateToken', () => {
  it('answers who the token stands for, as the account is now', async () => {
    const user = await createUser(app, { role: 'moderator' });
    const { code, message } = await validate(user.token);
    expect(code).toBe('OK');
    expect(message?.user).toMatchObject({
      userId: BigInt(user.id),
      username: user.username,
      role: 'moderator',
      state: 'active',
      isActive: true,
    });
    const { issuedAt, expiresAt } = message?.user ?? {};
    expect(Number(expiresAt?.seconds) - Number(issuedAt?.seconds)).toBe(900);
  });

  it('sees a change of role and state on the next call', async () => {
    const user = await createUser(app);
    await validate(user.token);
    await setAccount(app, user.id, { role: 'admin', state: 'suspended' });
    const shown = async () => (await validate(user.token)).message?.user;
    await expect.poll(shown).toMatchObject({ role: 'admin', state: 'suspended', isActive: false });
    await setAccount(app, user.id, { state: 'banned' });
    const refused = async () => (await validate(user.token)).reason;
    await expect.poll(refused).toBe('UNAUTHENTICATED');
  });

  it('refuses callers without a token, and services without a user', async () => {
    expect(await validate(undefined)).toMatchObject({
      code: 'UNAUTHENTICATED',
      reason: 'UNAUTHENTICATED',
    });
    const service = await callGrpc(app, validateToken, {}, { service: true });
    expect(service.code).toBe('UNAUTHENTICATED');
  });

  it('ends with the session, whichever process ends it', async () => {
    const user = await createUser(app);
    expect((await validate(user.token)).code).toBe('OK');
    await rest(neighbour, '/auth/logout', { method: 'POST', token: user.token });
    await expect.poll(async () => (await validate(user.token)).code).toBe('UNAUTHENTICATED');
  });
});

const infoOf = (user_id: number | bigint, call: Parameters<typeof callGrpc>[3]) =>
  callGrpc(app, getUserInfo, { userId: BigInt(user_id) }, call);

describe('GetUserInfo', () => {
  it('shows the account itself whole', async () => {
    const { token, id, username, email } = await createUser(app);
    const own = { id: BigInt(id), username, email, role: 'user', state: 'active' };
    expect((await infoOf(0, { token })).message?.user).toMatchObject(own);
    expect((await infoOf(id, { token })).message?.user).toMatchObject(own);
  });

  it('shows others its profile, and services role and state, but nobody the address', async () => {
    const [user, other] = [await createUser(app), await createUser(app)];
    const seen = (await infoOf(user.id, { token: other.token })).message?.user;
    expect(seen).toMatchObject({ username: user.username });
    expect([seen?.email, seen?.role, seen?.state]).toEqual([undefined, undefined, undefined]);
    const known = (await infoOf(user.id, { service: true })).message?.user;
    expect([known?.email, known?.role, known?.state]).toEqual([undefined, 'user', 'active']);
  });

  it('tells services of banned accounts, and others nothing', async () => {
    const [user, other] = [await createUser(app), await createUser(app)];
    await setAccount(app, user.id, { state: 'banned' });
    expect((await infoOf(user.id, { service: true })).message?.user?.state).toBe('banned');
    const hidden = await infoOf(user.id, { token: other.token });
    const missing = await infoOf(MISSING, { token: other.token });
    expect(hidden.refused).toEqual(missing.refused);
    expect(missing.reason).toBe('NOT_FOUND');
    expect((await infoOf(MISSING, { service: true })).reason).toBe('NOT_FOUND');
  });

  it('refuses an id that is none, and a service that names nobody', async () => {
    const refused = await infoOf(-1, { service: true });
    expect(refused.refused).toMatchObject({
      code: 'INVALID_ARGUMENT',
      reason: 'VALIDATION_ERROR',
      fields: ['user_id'],
    });
    expect((await infoOf(2n ** 62n, { service: true })).reason).toBe('VALIDATION_ERROR');
    expect((await infoOf(0, { service: true })).reason).toBe('UNAUTHENTICATED');
  });
});

type Question = { resource: string; action: string; resourceId?: bigint; userId?: bigint };

const may = (question: Question, call: Parameters<typeof callGrpc>[3]) =>
  callGrpc(app, checkPermissions, question, call);

const trackOf = async (owner: TestUser, columns: string): Promise<bigint> => {
  const { id } = await createTrack(app, owner);
  await setReady(app, id);
  await query(app, `update tracks set ${columns} where id = ${id}`);
  return BigInt(id);
};

describe('CheckPermissions', () => {
  it('answers by the table of roles and states', async () => {
    const user = await createUser(app);
    const { token } = user;
    const upload = { resource: 'tracks', action: 'upload' };
    expect((await may(upload, { token })).message?.allowed).toBe(true);
    const settings = { resource: 'settings', action: 'manage' };
    const refused = (await may(settings, { token })).message;
    expect(refused?.allowed).toBe(false);
    expect(refused?.permissions).toEqual(
      (await rest(app, '/auth/me', { token })).json.data.permissions,
    );
    await setAccount(app, user.id, { state: 'suspended' });
    const now = async () =>
      (await may({ ...upload, userId: BigInt(user.id) }, { service: true })).message?.allowed;
    expect(await now()).toBe(false);
    await setAccount(app, user.id, { state: 'banned' });
    const read = { resource: 'tracks', action: 'read', userId: BigInt(user.id) };
    expect((await may(read, { service: true })).message).toMatchObject({
      allowed: false,
      permissions: [],
    });
  });

  it('adds the rules of the one track', async () => {
    const [owner, other] = [await createUser(app), await createUser(app)];
    const open = await trackOf(owner, "visibility = 'public'");
    const closed = await trackOf(owner, "visibility = 'private'");
    const gone = await trackOf(owner, 'deleted_at = now()');
    const allowed = async (user: TestUser, action: string, resourceId: bigint) =>
      (await may({ resource: 'tracks', action, resourceId }, { token: user.token })).message
        ?.allowed;
    const table: [TestUser, string, bigint, boolean][] = [
      [owner, 'read', open, true],
      [owner, 'update', open, true],
      [owner, 'remove', closed, true],
      [owner, 'read', gone, false],
      [other, 'read', open, true],
      [other, 'update', open, false],
      [other, 'read', closed, false],
      [other, 'read', MISSING, false],
    ];
    for (const [user, action, id, expected] of table)
      expect([action, id, await allowed(user, action, id)]).toEqual([action, id, expected]);
  });

  it('refuses what it does not know, and questions about others', async () => {
    const { token } = await createUser(app);
    const other = await createUser(app);
    const read = { resource: 'tracks', action: 'read' };
    expect((await may({ ...read, action: 'fly' }, { token })).refused?.fields).toEqual(['action']);
    const session = { resource: 'sessions', action: 'manage', resourceId: 1n };
    expect((await may(session, { token })).refused?.fields).toEqual(['resource_id']);
    for (const userId of [BigInt(other.id), MISSING])
      expect(await may({ ...read, userId }, { token })).toMatchObject({
        code: 'PERMISSION_DENIED',
        reason: 'FORBIDDEN',
      });
    expect((await may(read, {})).code).toBe('UNAUTHENTICATED');
    expect((await may(read, { service: true })).refused?.fields).toEqual(['user_id']);
    expect((await may({ ...read, userId: MISSING }, { service: true })).reason).toBe('NOT_FOUND');
  });
});

describe('RevokeToken', () => {
  it('ends the session on every door, and the audit tells why', async () => {
    const user = await createUser(app);
    const { token } = user;
    const { message } = await callGrpc(app, revokeToken, { reason: 'lost phone' }, { token });
    expect(message?.endedSessions).toBe(1);
    expect((await validate(token)).reason).toBe('UNAUTHENTICATED');
    expect((await rest(app, '/auth/me', { token })).status).toBe(401);
    const records = await query(
      app,
      `select details from audit_records where event_type = 'user_logout' and user_id = ${user.id}`,
    );
    expect(records).toMatchObject([{ details: { reason: 'lost phone' } }]);
  });

  it('refuses a reason that is too long, and the session lives', async () => {
    const { token } = await createUser(app);
    const refused = await callGrpc(app, revokeToken, { reason: 'x'.repeat(201) }, { token });
    expect(refused.refused?.fields).toEqual(['reason']);
    expect((await validate(token)).code).toBe('OK');
  });
});
