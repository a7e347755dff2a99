import type { InjectOptions, LightMyRequestResponse } from 'fastify';
import type { TestApp } from './app.ts';
import { assertDocumented } from './documented.ts';

type Call = {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH' | 'HEAD' | 'OPTIONS';
  token?: string | undefined;
  body?: unknown;
  headers?: Record<string, string>;
  address?: string;
};

export type Answer = {
  status: number;
  headers: LightMyRequestResponse['headers'];
  text: string;
  bytes: Buffer;
  // oxlint-disable-next-line typescript/no-explicit-any -- what a test expects of a body is what it asserts
  json: any;
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const headersOf = ({ token, body, headers }: Call): Record<string, string> => ({
  ...(body === undefined || Buffer.isBuffer(body) ? {} : { 'content-type': 'application/json' }),
  ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  ...headers,
});

const send = async (app: TestApp, url: string, call: Call): Promise<Answer> => {
  const { method = 'GET', body, address = '127.0.0.1' } = call;
  const payload = body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const options: InjectOptions = { method, url, headers: headersOf(call), remoteAddress: address };
  const response = await app.http.inject({
    ...options,
    ...(payload === undefined ? {} : { payload }),
  });
  const text = response.payload;
  return {
    status: response.statusCode,
    headers: response.headers,
    text,
    bytes: response.rawPayload,
    json: parsed(text),
  };
};

/** One call to REST, without a socket; `path` is under `/api/v1`. The answer must be as the document has it. */
export const rest = async (app: TestApp, path: string, call: Call = {}): Promise<Answer> => {
  const answer = await send(app, `/api/v1${path}`, call);
  const [plain = ''] = path.split('?');
  assertDocumented(call.method ?? 'GET', plain, answer);
  return answer;
};

/** One call outside `/api/v1`. */
export const http = (app: TestApp, path: string, call: Call = {}): Promise<Answer> =>
  send(app, path, call);

type TrpcCall = Omit<Call, 'method' | 'body'> & { input?: unknown; type?: 'query' | 'mutation' };

/** One call over the wire of tRPC; a query unless it is said to be a mutation. */
export const trpc = (
  app: TestApp,
  path: string,
  { input, type = 'query', ...call }: TrpcCall = {},
): Promise<Answer> => {
  if (type === 'mutation')
    return send(app, `/trpc/${path}`, { ...call, method: 'POST', body: input ?? {} });
  const query = input === undefined ? '' : `?input=${encodeURIComponent(JSON.stringify(input))}`;
  return send(app, `/trpc/${path}${query}`, call);
};

/** A body of `multipart/form-data` with one file, as bytes and headers. */
export const form = (
  file: { name?: string; filename?: string; content: Buffer } | undefined,
  fields: Record<string, string | string[]> = {},
) => {
  const boundary = 'veza-test-boundary';
  const parts = Object.entries(fields).flatMap(([name, values]) =>
    [values]
      .flat()
      .map(
        (value) =>
          `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
      ),
  );
  const { name = 'file', filename = 'tone.wav', content = Buffer.alloc(0) } = file ?? {};
  const head = file
    ? `--${boundary}\r\ncontent-disposition: form-data; name="${name}"; filename="${filename}"\r\ncontent-type: application/octet-stream\r\n\r\n`
    : '';
  const tail = `${file ? '\r\n' : ''}--${boundary}--\r\n`;
  return {
    body: Buffer.concat([Buffer.from(parts.join('') + head), content, Buffer.from(tail)]),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  };
};
