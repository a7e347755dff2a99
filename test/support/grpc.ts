import {
  create,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  type CallOptions,
  Client,
  credentials,
  Metadata,
  type ServiceError,
  status as codes,
} from '@grpc/grpc-js';
import { afterAll } from 'vitest';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from '#proto/google/rpc/error_details_pb.ts';
import { StatusSchema } from '#proto/google/rpc/status_pb.ts';
import { testApp } from './app.ts';

export const SERVICE_TOKEN = 'the-token-of-a-stream-server-in-tests';

export type GrpcApp = Awaited<ReturnType<typeof grpcApp>>;

/** A test application that real clients reach over HTTP and gRPC, at free ports. */
export const grpcApp = async ({ environment, ...options }: Parameters<typeof testApp>[0] = {}) => {
  const app = await testApp({
    ...options,
    environment: {
      HOST: '127.0.0.1',
      GRPC_PORT: '0',
      GRPC_SERVICE_TOKENS: `stream-server=${SERVICE_TOKEN}`,
      ...environment,
    },
  });
  const port = await app.grpc.listen();
  const ca = await readFile(join(app.folder, 'grpc.crt')).catch(() => undefined);
  const address = `localhost:${port}`;
  const client = new Client(address, credentials.createSsl(ca ?? null), {
    'grpc.use_local_subchannel_pool': 1,
  });
  afterAll(() => client.close());
  await app.http.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${(app.http.server.address() as AddressInfo).port}`;
  return { ...app, url, address, port, ca, client };
};

export type Call = {
  token?: string | undefined;
  service?: boolean | string;
  metadata?: Record<string, string>;
  options?: CallOptions;
};

export const metadataOf = ({ token, service, metadata = {} }: Call): Metadata => {
  const sent = new Metadata();
  for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
  if (token !== undefined) sent.set('authorization', `Bearer ${token}`);
  if (service) {
    const shown = service === true ? SERVICE_TOKEN : service;
    sent.set('x-service-token', shown);
  }
  return sent;
};

export type Refused = {
  code: string;
  reason: string | undefined;
  message: string;
  fields: string[];
  retry_seconds: number | undefined;
};

/** What is in `grpc-status-details-bin`. */
export const refusalIn = ({ code, details, metadata }: ServiceError): Refused => {
  const [bytes] = metadata.get('grpc-status-details-bin');
  const status = bytes && fromBinary(StatusSchema, bytes as Buffer);
  const inner = status ? status.details : [];
  const one = <D extends Parameters<typeof anyUnpack>[1]>(schema: D) =>
    inner.map((any) => anyUnpack(any, schema)).find((found) => found !== undefined);
  const retry = one(RetryInfoSchema)?.retryDelay?.seconds;
  return {
    code: codes[code] ?? String(code),
    reason: one(ErrorInfoSchema)?.reason,
    message: details,
    fields: (one(BadRequestSchema)?.fieldViolations ?? []).map(({ field }) => field),
    retry_seconds: retry === undefined ? undefined : Number(retry),
  };
};

export type Answered<M extends DescMethod> = {
  code: string;
  reason?: string | undefined;
  refused?: Refused;
  message?: MessageShape<M['output']>;
  trailers: Metadata;
};

export const pathOf = ({ parent, name }: DescMethod): string => `/${parent.typeName}/${name}`;

const asIs = (bytes: Buffer): Buffer => bytes;

/** Sends bytes that need not be a message; a second of a test's time is the most it takes. */
export const callRaw = (
  { client }: Pick<GrpcApp, 'client'>,
  path: string,
  { bytes, ...call }: Call & { bytes: Buffer },
): Promise<{ fault: ServiceError | null; bytes: Buffer | undefined; trailers: Metadata }> =>
  new Promise((resolve) => {
    let answer: { fault: ServiceError | null; bytes: Buffer | undefined } | undefined;
    const { options = { deadline: Date.now() + 15_000 } } = call;
    const calling = client.makeUnaryRequest(
      path,
      asIs,
      asIs,
      bytes,
      metadataOf(call),
      options,
      (fault, value) => {
        answer = { fault, bytes: value };
      },
    );
    calling.on('status', ({ metadata }) =>
      setImmediate(() => resolve({ fault: null, bytes: undefined, ...answer, trailers: metadata })),
    );
  });

/** One call of a method that answers once. */
export const callGrpc = async <M extends DescMethod>(
  app: Pick<GrpcApp, 'client'>,
  method: M,
  request: MessageInitShape<M['input']>,
  call: Call = {},
): Promise<Answered<M>> => {
  const bytes = Buffer.from(toBinary(method.input, create(method.input, request)));
  const { fault, bytes: answer, trailers } = await callRaw(app, pathOf(method), { ...call, bytes });
  if (fault) {
    const refused = refusalIn(fault);
    return { code: refused.code, reason: refused.reason, refused, trailers };
  }
  const message = fromBinary(method.output, answer ?? Buffer.alloc(0)) as MessageShape<M['output']>;
  return { code: 'OK', message, trailers };
};

/** One call of a method that answers a stream: what came, and how it ended. */
export const openStream = <M extends DescMethod>(
  { client }: Pick<GrpcApp, 'client'>,
  method: M,
  { request, ...call }: Call & { request: MessageInitShape<M['input']> },
) => {
  const bytes = Buffer.from(toBinary(method.input, create(method.input, request)));
  const { options = {} } = call;
  const stream = client.makeServerStreamRequest(
    pathOf(method),
    asIs,
    asIs,
    bytes,
    metadataOf(call),
    options,
  );
  const messages: MessageShape<M['output']>[] = [];
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<Refused | { code: 'OK' }>();
  stream.on('data', (chunk: Buffer) =>
    messages.push(fromBinary(method.output, chunk) as MessageShape<M['output']>),
  );
  stream.on('metadata', () => begun.resolve());
  stream.on('error', (fault) => {
    begun.resolve();
    ended.resolve(refusalIn(fault as ServiceError));
  });
  stream.on('end', () => ended.resolve({ code: 'OK' }));
  return { stream, messages, begun: begun.promise, ended: ended.promise };
};
