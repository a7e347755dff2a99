import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, connect, constants } from 'node:http2';

/**
 * A caller as light as can be, so that the machine is the service's: frames that are made once, on a few
 * connections, each with so many calls in flight. Prints what it saw as JSON.
 */
const { ADDRESS, CA, TOKEN, SECONDS = '5', CONNECTIONS = '2', IN_FLIGHT = '8' } = process.env;

const headers = {
  [constants.HTTP2_HEADER_METHOD]: 'POST',
  [constants.HTTP2_HEADER_PATH]: '/veza.auth.v1.AuthService/ValidateToken',
  'content-type': 'application/grpc',
  te: 'trailers',
  authorization: `Bearer ${TOKEN}`,
};
/** An empty message: not compressed, no bytes. */
const frame = Buffer.alloc(5);

const call = (session: ClientHttp2Session): Promise<boolean> =>
  new Promise((resolve, reject) => {
    let isOk = false;
    const stream = session.request(headers);
    stream.on('trailers', (trailers) => {
      isOk = trailers['grpc-status'] === '0';
    });
    stream.on('error', reject).on('close', () => resolve(isOk));
    stream.resume();
    stream.end(frame);
  });

const latencies: number[] = [];
let refused = 0;
const end = performance.now() + Number(SECONDS) * 1000;

const keepCalling = async (session: ClientHttp2Session): Promise<void> => {
  while (performance.now() < end) {
    const began = performance.now();
    if (!(await call(session))) refused += 1;
    latencies.push(performance.now() - began);
  }
};

const sessions = Array.from({ length: Number(CONNECTIONS) }, () =>
  connect(`https://${ADDRESS}`, { ca: readFileSync(CA ?? '') }),
);
const began = performance.now();
await Promise.all(
  sessions.flatMap((session) =>
    Array.from({ length: Number(IN_FLIGHT) }, () => keepCalling(session)),
  ),
);
const seconds = (performance.now() - began) / 1000;
for (const session of sessions) session.close();

latencies.sort((a, b) => a - b);
const at = (share: number): number => latencies[Math.floor(share * (latencies.length - 1))] ?? 0;
console.log(
  JSON.stringify({ calls: latencies.length, refused, seconds, p50_ms: at(0.5), p99_ms: at(0.99) }),
);
