import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cpuSeconds, type Server, startServer } from './processes.ts';

/**
 * `ValidateToken` over TLS, the callers in a process of their own. Where callers and service share cores, what the
 * service could do alone on one is calls by its seconds of CPU.
 */
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 5);
const FLAGS = ['--max-semi-space-size=8', '--max-old-space-size=200'];

const register = async (url: string): Promise<string> => {
  const answer = await fetch(`${url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      username: 'bench',
      email: 'bench@example.com',
      password: 'quiet-harbour!42',
    }),
  });
  return ((await answer.json()) as { data: { access_token: string } }).data.access_token;
};

type Seen = { calls: number; refused: number; seconds: number; p50_ms: number; p99_ms: number };

const round = (value: number): number => Number(value.toFixed(2));

const measure = async (server: Server, env: Record<string, string>, name: string) => {
  const before = await cpuSeconds(server.pid);
  const { stdout } = await promisify(execFile)(process.execPath, ['bench/grpc-load.ts'], {
    env: { PATH: process.env['PATH'], ...env },
  });
  const cpu = (await cpuSeconds(server.pid)) - before;
  const { calls, refused, seconds, p50_ms, p99_ms } = JSON.parse(stdout) as Seen;
  return {
    name,
    calls_per_second: Math.round(calls / seconds),
    calls_per_core_second: Math.round(calls / cpu),
    cpu_us_per_call: round((cpu / calls) * 1e6),
    p50_ms: round(p50_ms),
    p99_ms: round(p99_ms),
    refused,
  };
};

const folder = await mkdtemp(join(tmpdir(), 'veza-bench-'));
const server = await startServer({
  script: 'src/main.ts',
  flags: FLAGS,
  probe: '/ready',
  env: {
    DATA_DIR: folder,
    PORT: '0',
    GRPC_PORT: '0',
    HOST: '127.0.0.1',
    ENVIRONMENT: 'test',
    RATE_LIMIT_FACTOR: '1000000',
    QUEUE_CONCURRENCY: '0',
  },
});
try {
  const env = {
    ADDRESS: server.grpc ?? '',
    CA: join(folder, 'grpc.crt'),
    TOKEN: await register(server.url),
    SECONDS: String(SECONDS),
  };
  await measure(server, { ...env, SECONDS: '2' }, 'warm up');
  const figures = [];
  for (let done = 0; done < ROUNDS; done += 1)
    for (const [CONNECTIONS, IN_FLIGHT] of [
      ['1', '8'],
      ['2', '16'],
    ] as const)
      figures.push(
        await measure(server, { ...env, CONNECTIONS, IN_FLIGHT }, `${CONNECTIONS} x ${IN_FLIGHT}`),
      );
  console.table(figures);
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
