import { create, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, type ServiceError, status as codes } from '@grpc/grpc-js';
import { service as healthService } from 'grpc-health-check';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createPrivateKey } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createCertificate } from '#platform/tls/certificate.ts';
import { AuthService } from '#proto/veza/auth/v1/auth_pb.ts';
import { StreamService } from '#proto/veza/stream/v1/stream_pb.ts';
import { http, rest } from '#test/calls.ts';
import { createUser } from '#test/factories.ts';
import { callGrpc, grpcApp, type GrpcApp, metadataOf, openStream, pathOf } from '#test/grpc.ts';
import { createLiveEvents } from '#test/live-events.ts';
import { production } from '#test/production.ts';
import { query } from '#test/tracks.ts';

const lines: Record<string, unknown>[] = [];
const { live } = createLiveEvents();
const app = await grpcApp({ live, log: (line) => lines.push(JSON.parse(line)) });
const { validateToken, getUserInfo, revokeToken } = AuthService.method;
const { subscribeToStreamEvents } = StreamService.method;

type Health = { check: (service: string) => Promise<string> };

const healthOf = ({ client }: Pick<GrpcApp, 'client'>): Health => {
  const { path, requestSerialize, responseDeserialize } = healthService['Check'] as never as {
    path: string;
    requestSerialize: (request: object) => Buffer;
    responseDeserialize: (bytes: Buffer) => { status: string };
  };
  return {
    check: (service) =>
      new Promise((resolve) =>
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          { service },
          (fault, answer) => resolve(fault ? (codes[fault.code] ?? '') : (answer?.status ?? '')),
        ),
      ),
  };
};

const all = ['', 'veza.auth.v1.AuthService', 'veza.stream.v1.StreamService'];

describe('a call', () => {
  it('is one line of the log, with what a request tells of itself', async () => {
    const user = await createUser(app);
    const metadata = { 'x-request-id': 'line-1' };
    await callGrpc(app, validateToken, {}, { token: user.token, metadata });
    await callGrpc(app, validateToken, {}, { metadata: { 'x-request-id': 'line-2' } });
    const lineOf = (id: string) => lines.filter(({ request_id }) => request_id === id);
    await expect.poll(() => lineOf('line-2').length).toBe(1);
    expect(lineOf('line-1')).toMatchObject([
      {
        level: 'info',
        client_ip: '127.0.0.1',
        method: 'POST',
        path: pathOf(validateToken),
        proto: 'grpc',
        status: 0,
        latency_ms: expect.any(Number),
        user_agent: expect.stringContaining('grpc-node-js'),
        error: null,
        user_id: user.id,
      },
    ]);
    expect(lineOf('line-2')).toMatchObject([
      { status: codes.UNAUTHENTICATED, error: 'UNAUTHENTICATED', user_id: null },
    ]);
    expect(JSON.stringify(lines)).not.toContain(user.token);
  });

  it('is counted and timed by method and status', async () => {
    const { token } = await createUser(app);
    await callGrpc(app, getUserInfo, {}, { token });
    await callGrpc(app, getUserInfo, { userId: -1n }, { token });
    const { text } = await http(app, '/metrics');
    const count = (status: string) =>
      `veza_grpc_call_duration_seconds_count{method="${pathOf(getUserInfo)}",status="${status}"} 1`;
    expect(text).toContain(count('OK'));
    expect(text).toContain(count('INVALID_ARGUMENT'));
  });
});

describe('limits', () => {
  it('are shared with the other doors, and say when to come back', async () => {
    const own = await grpcApp({
      environment: { RATE_LIMIT_FACTOR: '1', RATE_LIMIT_MEMBER: '6/1m' },
    });
    const { token } = await createUser(own);
    for (let calls = 0; calls < 3; calls += 1) {
      expect((await rest(own, '/auth/me', { token })).status).toBe(200);
      expect((await callGrpc(own, validateToken, {}, { token })).code).toBe('OK');
    }
    const { refused } = await callGrpc(own, validateToken, {}, { token });
    expect(refused).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      reason: 'RATE_LIMITED',
      fields: ['bucket'],
    });
    expect(refused?.retry_seconds).toBeGreaterThan(0);
    expect((await rest(own, '/auth/me', { token })).status).toBe(429);
    const served = await callGrpc(own, validateToken, {}, { token, service: true });
    expect(served.code).toBe('OK');
  });
});

/** A call that waits for a lock which the test holds, and what the database does about it. */
const blocked = async (options: { deadline?: number }) => {
  const user = await createUser(app);
  const holder = await app.outside.pool.connect();
  await holder.query('begin');
  await holder.query(`select 1 from sessions where user_id = ${user.id} for update`);
  const bytes = Buffer.from(toBinary(revokeToken.input, create(revokeToken.input, {})));
  const ended = Promise.withResolvers<number | undefined>();
  const call = app.client.makeUnaryRequest(
    pathOf(revokeToken),
    (request: Buffer) => request,
    (answer: Buffer) => answer,
    bytes,
    metadataOf({ token: user.token, metadata: { 'x-request-id': `blocked-${user.id}` } }),
    options,
    (fault) => ended.resolve(fault?.code),
  );
  const release = async () => {
    await holder.query('rollback');
    holder.release();
  };
  const waiting = async () =>
    (
      await query(
        app,
        `select pid from pg_stat_activity where wait_event_type = 'Lock' and query like '%sessions%'`,
      )
    ).length;
  return { user, call, ended: ended.promise, release, waiting };
};

const connections = () => app.outside.pool.totalCount - app.outside.pool.idleCount;

describe('work', () => {
  it('stops within 100 ms of its caller leaving, on a machine that has time', async () => {
    const took_ms: number[] = [];
    while (took_ms.length < 5 && !took_ms.some((ms) => ms < 100)) {
      const { user, call, ended, release, waiting } = await blocked({});
      await expect.poll(waiting).toBe(1);
      const held = connections();
      call.cancel();
      const left = performance.now();
      expect(await ended).toBe(codes.CANCELLED);
      await expect.poll(connections, { interval: 1 }).toBe(held - 1);
      took_ms.push(performance.now() - left);
      await release();
      await expect.poll(waiting).toBe(0);
      expect((await rest(app, '/auth/me', { token: user.token })).status).toBe(200);
    }
    expect(Math.min(...took_ms)).toBeLessThan(100);
  });

  it('stops at the deadline that its caller gave', async () => {
    const { user, ended, release } = await blocked({ deadline: Date.now() + 400 });
    expect(await ended).toBe(codes.DEADLINE_EXCEEDED);
    await expect.poll(connections).toBe(1);
    await release();
    expect((await rest(app, '/auth/me', { token: user.token })).status).toBe(200);
    const line = lines.find(({ request_id }) => request_id === `blocked-${user.id}`);
    expect(line).toMatchObject({ status: codes.DEADLINE_EXCEEDED, error: 'DEADLINE_EXCEEDED' });
  });
});

describe('health', () => {
  it('serves every service by name while the process is ready, and no other', async () => {
    const { check } = healthOf(app);
    for (const name of all) expect([name, await check(name)]).toEqual([name, 'SERVING']);
    expect(await check('veza.chat.v1.ChatService')).toBe('NOT_FOUND');
  });

  it('does not serve while the process starts, and nobody is let in', async () => {
    const own = await grpcApp({ open: false });
    const { check } = healthOf(own);
    expect(await check('')).toBe('NOT_SERVING');
    const { refused } = await callGrpc(own, validateToken, {});
    expect(refused).toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'SERVICE_UNAVAILABLE',
      retry_seconds: 1,
    });
    own.open();
    await expect.poll(() => check('')).toBe('SERVING');
    expect((await callGrpc(own, validateToken, {})).code).toBe('UNAUTHENTICATED');
  });
});

describe('mutual TLS', () => {
  const now = new Date();
  const valid_ms = 3_600_000;
  const authority = createCertificate({
    common_name: 'Test authority',
    hosts: [],
    is_authority: true,
    valid_ms,
    now,
  });
  const issuer = { common_name: 'Test authority', key: createPrivateKey(authority.key) };
  const signed = (common_name: string, hosts: string[] = []) =>
    createCertificate({ common_name, hosts, valid_ms, now, issuer });

  it('names the service by its certificate, and lets in nobody without one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'veza-test-tls-'));
    afterAll(() => rm(folder, { recursive: true, force: true }));
    const server = signed('veza', ['localhost', '127.0.0.1']);
    const files = {
      'ca.pem': authority.certificate,
      'cert.pem': server.certificate,
      'key.pem': server.key,
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    const own = await grpcApp({
      environment: {
        GRPC_CLIENT_CA: join(folder, 'ca.pem'),
        GRPC_TLS_CERT: join(folder, 'cert.pem'),
        GRPC_TLS_KEY: join(folder, 'key.pem'),
      },
    });
    const user = await createUser(own);
    const ca = Buffer.from(authority.certificate);
    const dial = (as?: { key: string; certificate: string }) =>
      new Client(
        own.address,
        as
          ? credentials.createSsl(ca, Buffer.from(as.key), Buffer.from(as.certificate))
          : credentials.createSsl(ca),
        { 'grpc.use_local_subchannel_pool': 1 },
      );
    const stranger = createCertificate({ common_name: 'chat-server', hosts: [], valid_ms, now });
    const outcomes = [];
    for (const as of [signed('chat-server'), stranger, undefined]) {
      const client = dial(as);
      const request = { userId: BigInt(user.id) };
      const options = { deadline: Date.now() + 3000 };
      const { code, message } = await callGrpc({ client }, getUserInfo, request, { options });
      outcomes.push([code, message?.user?.role]);
      client.close();
    }
    expect(outcomes).toEqual([
      ['OK', 'user'],
      ['UNAVAILABLE', undefined],
      ['UNAVAILABLE', undefined],
    ]);
  });
});

/** What reflection answers to "which services are there?", as it came. */
const servicesTold = ({ client }: Pick<GrpcApp, 'client'>): Promise<string> =>
  new Promise((resolve) => {
    const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
    const asIs = (bytes: Buffer): Buffer => bytes;
    const stream = client.makeBidiStreamRequest(path, asIs, asIs);
    let told = '';
    stream.on('data', (bytes: Buffer) => {
      told += bytes.toString('latin1');
    });
    stream.on('error', (fault) => resolve(codes[(fault as ServiceError).code] ?? ''));
    stream.on('end', () => resolve(told));
    // The seventh field, list_services.
    stream.end(Buffer.from([0x3a, 0x01, 0x2a]));
  });

describe('reflection', () => {
  it('tells of the services outside production', async () => {
    const told = await servicesTold(app);
    for (const name of all.slice(1)) expect(told).toContain(name);
  });

  it('is not there in production', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'veza-test-tls-'));
    afterAll(() => rm(folder, { recursive: true, force: true }));
    const own = createCertificate({
      common_name: 'veza',
      hosts: ['localhost'],
      valid_ms: 3_600_000,
      now: new Date(),
    });
    await writeFile(join(folder, 'cert.pem'), own.certificate);
    await writeFile(join(folder, 'key.pem'), own.key);
    const live = await grpcApp({
      environment: {
        ...production,
        GRPC_PORT: '0',
        GRPC_TLS_CERT: join(folder, 'cert.pem'),
        GRPC_TLS_KEY: join(folder, 'key.pem'),
        STORAGE_URL: `file://${folder}`,
      },
    });
    const ca = Buffer.from(own.certificate);
    const client = new Client(live.address, credentials.createSsl(ca));
    expect(await servicesTold({ client })).toBe('UNIMPLEMENTED');
    client.close();
  });
});

describe('a stop', () => {
  it('says at once that it does not serve, lets calls end and sends streams elsewhere', async () => {
    const told = createLiveEvents();
    const own = await grpcApp({ live: told.live });
    const { check } = healthOf(own);
    const { token } = await createUser(own);
    const stream = openStream(own, subscribeToStreamEvents, { request: {}, service: true });
    await stream.begun;
    const draining = own.grpc.drain(10_000);
    expect(await check('')).toBe('NOT_SERVING');
    expect(await stream.ended).toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'SERVICE_UNAVAILABLE',
      retry_seconds: 0,
    });
    expect((await callGrpc(own, validateToken, {}, { token })).code).toBe('OK');
    await draining;
    const late = await callGrpc(
      own,
      validateToken,
      {},
      { token, options: { deadline: Date.now() + 2000 } },
    );
    expect(['UNAVAILABLE', 'DEADLINE_EXCEEDED']).toContain(late.code);
  });

  it('ends at its deadline, whoever has not', async () => {
    const own = await grpcApp();
    const user = await createUser(own);
    const holder = await own.outside.pool.connect();
    await holder.query('begin');
    await holder.query(`select 1 from sessions where user_id = ${user.id} for update`);
    const call = callGrpc(own, revokeToken, {}, { token: user.token });
    await expect.poll(() => own.outside.pool.totalCount - own.outside.pool.idleCount).toBe(2);
    const began = performance.now();
    await own.grpc.drain(200);
    expect(performance.now() - began).toBeLessThan(5000);
    expect((await call).code).not.toBe('OK');
    await holder.query('rollback');
    holder.release();
  });
});
