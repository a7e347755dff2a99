import {
  create,
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { type Client, Metadata } from '@grpc/grpc-js';
import { asVezaError } from './veza-error.ts';

export type CallOptions = {
  /** Of the user whom the call is about. */
  token?: string;
  /** Until the answer must be there; for a stream, until it begins. */
  timeout_ms?: number;
  signal?: AbortSignal;
  /** In the logs of the service, and in the error. */
  request_id?: string;
};

type MethodClient<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageInitShape<I>, options?: CallOptions) => Promise<MessageShape<O>>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? (
          request: MessageInitShape<I>,
          options?: CallOptions,
        ) => Promise<AsyncIterableIterator<MessageShape<O>>>
      : never;

/**
 * Every method of a service. A stream's promise resolves when the service has begun to listen: what happens from
 * then on comes. Leaving its loop ends it.
 */
export type ServiceClient<S extends DescService> = {
  readonly [M in keyof S['method']]: MethodClient<S['method'][M]>;
};

export type Transport = {
  client: Client;
  service_token: string | undefined;
  token: string | undefined;
  timeout_ms: number;
};

const pathOf = ({ parent, name }: DescMethod): string => `/${parent.typeName}/${name}`;

const wireOf = ({ input, output }: DescMethod) => ({
  serialize: (request: unknown): Buffer =>
    Buffer.from(toBinary(input, create(input, request as never))),
  deserialize: (bytes: Buffer): unknown => fromBinary(output, bytes),
});

const metadataOf = (
  { service_token, token: usual }: Transport,
  { token = usual, request_id }: CallOptions,
): Metadata => {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  if (service_token !== undefined) metadata.set('x-service-token', service_token);
  if (request_id !== undefined) metadata.set('x-request-id', request_id);
  return metadata;
};

const onAbort = (signal: AbortSignal | undefined, cancel: () => void): (() => void) => {
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  return () => signal?.removeEventListener('abort', cancel);
};

const callOnce =
  (method: DescMethod, transport: Transport) =>
  (request: unknown, options: CallOptions = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const { serialize, deserialize } = wireOf(method);
      const { timeout_ms = transport.timeout_ms, signal } = options;
      const call = transport.client.makeUnaryRequest(
        pathOf(method),
        serialize,
        deserialize,
        request,
        metadataOf(transport, options),
        { deadline: Date.now() + timeout_ms },
        (fault, answer) => {
          forget();
          if (fault) reject(asVezaError(fault));
          else resolve(answer);
        },
      );
      const forget = onAbort(signal, () => call.cancel());
    });

type Stream = ReturnType<Client['makeServerStreamRequest']>;

async function* messagesOf(stream: Stream, leave: () => void): AsyncGenerator {
  try {
    for await (const message of stream) yield message;
  } catch (fault) {
    throw asVezaError(fault);
  } finally {
    leave();
  }
}

const begun = (stream: Stream, timeout_ms: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const late = setTimeout(() => stream.cancel(), timeout_ms);
    stream.once('metadata', () => {
      clearTimeout(late);
      resolve();
    });
    stream.once('error', (fault) => {
      clearTimeout(late);
      reject(asVezaError(fault));
    });
  });

const callMany =
  (method: DescMethod, transport: Transport) =>
  async (request: unknown, options: CallOptions = {}): Promise<AsyncGenerator> => {
    const { serialize, deserialize } = wireOf(method);
    const { timeout_ms = transport.timeout_ms, signal } = options;
    const stream = transport.client.makeServerStreamRequest(
      pathOf(method),
      serialize,
      deserialize,
      request,
      metadataOf(transport, options),
    );
    const forget = onAbort(signal, () => stream.cancel());
    await begun(stream, timeout_ms);
    return messagesOf(stream, () => {
      forget();
      stream.cancel();
    });
  };

export const clientOf = <S extends DescService>(
  service: S,
  transport: Transport,
): ServiceClient<S> => {
  const methods = service.methods.map((method) => [
    method.localName,
    (method.methodKind === 'server_streaming' ? callMany : callOnce)(method, transport),
  ]);
  return Object.fromEntries(methods) as ServiceClient<S>;
};
