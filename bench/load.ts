import autocannon from 'autocannon';
import { cpuSeconds, type Server } from './processes.ts';

export type Figure = {
  name: string;
  requests_per_second: number;
  p50_ms: number;
  p99_ms: number;
  cpu_us_per_request: number;
  errors: number;
};

export type Load = {
  name: string;
  server: Server;
  requests: autocannon.Request[];
  connections: number;
  seconds: number;
};

/** Closed loop: each connection sends its next request when it has the answer. */
export const measure = async ({
  name,
  server,
  requests,
  connections,
  seconds,
}: Load): Promise<Figure> => {
  const before = await cpuSeconds(server.pid);
  const result = await autocannon({ url: server.url, connections, duration: seconds, requests });
  const cpu = (await cpuSeconds(server.pid)) - before;
  const total = result.requests.total;
  return {
    name,
    requests_per_second: Math.round(total / result.duration),
    p50_ms: result.latency.p50,
    p99_ms: result.latency.p99,
    cpu_us_per_request: Math.round((cpu / total) * 1e6),
    errors: result.errors + result.non2xx,
  };
};

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** Several figures of the same load, each by its median: one disturbed round does not decide. */
export const summarise = (figures: Figure[]): Figure => ({
  name: figures[0]?.name ?? '',
  requests_per_second: median(figures.map((figure) => figure.requests_per_second)),
  p50_ms: median(figures.map((figure) => figure.p50_ms)),
  p99_ms: median(figures.map((figure) => figure.p99_ms)),
  cpu_us_per_request: median(figures.map((figure) => figure.cpu_us_per_request)),
  errors: figures.reduce((sum, figure) => sum + figure.errors, 0),
});
