import { Server, status as codes } from '@grpc/grpc-js';
import { HealthImplementation, service as healthService } from 'grpc-health-check';
import { describe, expect, it, vi } from 'vitest';
import { serveHealth } from '#api/grpc/health.ts';
import { AuthService } from '#proto/veza/auth/v1/auth_pb.ts';
import { StreamService } from '#proto/veza/stream/v1/stream_pb.ts';
import { createUser } from '#test/factories.ts';
import { callGrpc, grpcApp, type GrpcApp, openStream } from '#test/grpc.ts';
import { createLiveEvents } from '#test/live-events.ts';

const app = await grpcApp();
const { validateToken, revokeToken } = AuthService.method;
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

  it('never says again that it serves, whatever was being looked at when it left', async () => {
    const shown = vi.spyOn(HealthImplementation.prototype, 'setStatus');
    const ready = Promise.withResolvers<boolean>();
    const health = serveHealth(new Server(), { names: [], isReady: () => ready.promise });
    const looking = health.look();
    health.leave();
    ready.resolve(true);
    await looking;
    expect(shown.mock.calls).toEqual([['', 'NOT_SERVING']]);
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
