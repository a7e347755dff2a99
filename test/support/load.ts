import { Agent, request } from 'node:http';
import { buffer } from 'node:stream/consumers';

export type Call = {
  method?: 'GET' | 'PUT' | 'POST';
  path: string;
  token?: string;
  body?: object;
};

export type Sample = {
  name: string;
  /** When it was sent, on the clock of `performance`. */
  sent_at: number;
  ms: number;
  /** 0 when there was no answer. */
  status: number;
  retry_after: string | undefined;
  /** Whether the connection had answered before. */
  reused: boolean;
  closes: boolean;
  fault: string | undefined;
};

type Asked = Pick<Sample, 'status' | 'retry_after' | 'closes' | 'fault' | 'reused'>;

const ask = (url: string, agent: Agent, { method = 'GET', path, token, body }: Call) =>
  new Promise<Asked>((resolve) => {
    const payload = body && JSON.stringify(body);
    const asking = request(`${url}${path}`, {
      agent,
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(payload && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(payload),
        }),
      },
    });
    const fail = (fault: NodeJS.ErrnoException) =>
      resolve({
        status: 0,
        retry_after: undefined,
        closes: true,
        reused: asking.reusedSocket,
        fault: fault.code ?? fault.message,
      });
    asking.on('error', fail).on('response', (answer) => {
      buffer(answer).then(
        () =>
          resolve({
            status: answer.statusCode ?? 0,
            retry_after: answer.headers['retry-after'],
            closes: answer.headers.connection === 'close',
            reused: asking.reusedSocket,
            fault: undefined,
          }),
        fail,
      );
    });
    asking.end(payload);
  });

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** So many clients, each on one connection, each asking again as soon as it was answered, or a little later. */
export const startLoad = (
  url: string,
  clients: number,
  next: (client: number) => Call,
  pause_ms = 0,
) => {
  const samples: Sample[] = [];
  const ending = new AbortController();
  const run = async (client: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!ending.signal.aborted) {
      const call = next(client);
      const sent_at = performance.now();
      const answer = await ask(url, agent, call);
      const name = `${call.method ?? 'GET'} ${call.path}`;
      samples.push({ name, sent_at, ms: performance.now() - sent_at, ...answer });
      if (answer.fault !== undefined) await sleep(20);
      else if (pause_ms > 0) await sleep(pause_ms);
    }
    agent.destroy();
  };
  const running = Promise.all(Array.from({ length: clients }, (_, client) => run(client)));
  return {
    samples,
    async stop(): Promise<Sample[]> {
      ending.abort();
      await running;
      return samples;
    },
  };
};

const round = (value: number): number => Math.round(value * 10) / 10;

export const slowest_ms = (samples: readonly Sample[]): number =>
  round(samples.reduce((most, { ms }) => Math.max(most, ms), 0));

export const percentile_ms = (samples: readonly Sample[], share: number): number => {
  const sorted = samples.map(({ ms }) => ms).sort((a, b) => a - b);
  return round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
};

export const countBy = (samples: readonly Sample[], of: (sample: Sample) => string | number) => {
  const counts: Record<string, number> = {};
  for (const sample of samples) counts[of(sample)] = (counts[of(sample)] ?? 0) + 1;
  return counts;
};

export const print = (line: string): void => void process.stdout.write(`${line}\n`);
