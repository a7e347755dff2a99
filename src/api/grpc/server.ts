import { setTimeout as wait } from 'node:timers/promises';
import type { DescMethod } from '@bufbuild/protobuf';
import { type MethodDefinition, Server, ServerCredentials, setLogger } from '@grpc/grpc-js';
import type { RefusalLog } from '../context.ts';
import { type DomainError, sharedErrors } from '#kernel/errors.ts';
import { type AdmissionSettings, createAdmission } from './admission.ts';
import { answerMany, answerOnce, type CallSettings } from './calls.ts';
import { serveHealth } from './health.ts';
import type { GrpcService } from './implement.ts';
import { type CallFacts, type CallObserver, createObservation } from './observed.ts';
import { watchSessions } from './session-watch.ts';
import { statusOf } from './statuses.ts';

export type GrpcSettings = Omit<AdmissionSettings, 'certified'> & {
  services: AdmissionSettings['services'];
  refused: RefusalLog;
  log: CallSettings['log'];
  observer: CallObserver;
  timeout_ms: number;
  /** PEM; with `client_ca` every caller shows a certificate that it has signed. */
  tls: { certificate: string; key: string; client_ca: string | undefined };
  /** Whether the doors are open yet. */
  isOpen: () => boolean;
  isReady: () => Promise<boolean>;
  reflection: boolean;
};

const MOST_MESSAGE_BYTES = 1024 * 1024;

const options = {
  'grpc.max_receive_message_length': MOST_MESSAGE_BYTES,
  'grpc.max_concurrent_streams': 256,
  'grpc.keepalive_time_ms': 25_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.enable_channelz': 0,
};

/** Bytes stay bytes until a method is reached: what the library cannot read it would call a fault of ours. */
const asBytes = (bytes: Buffer): Buffer => bytes;

const pathOf = ({ parent, name }: DescMethod): string => `/${parent.typeName}/${name}`;

const definitionOf = (method: DescMethod): MethodDefinition<Buffer, Buffer> => ({
  path: pathOf(method),
  requestStream: false,
  responseStream: method.methodKind === 'server_streaming',
  requestSerialize: asBytes,
  requestDeserialize: asBytes,
  responseSerialize: asBytes,
  responseDeserialize: asBytes,
});

const addService = (server: Server, service: GrpcService, settings: CallSettings): void => {
  const definitions: Record<string, MethodDefinition<Buffer, Buffer>> = {};
  const handlers: Record<string, ReturnType<typeof answerOnce> | ReturnType<typeof answerMany>> =
    {};
  for (const method of service.definition.methods) {
    const implementation = service.methods[method.localName];
    if (!implementation) throw new Error(`${pathOf(method)} is not implemented`);
    const answer = method.methodKind === 'server_streaming' ? answerMany : answerOnce;
    definitions[method.name] = definitionOf(method);
    handlers[method.name] = answer({ method, implementation }, settings);
  }
  server.addService(definitions, handlers);
};

const credentialsOf = ({ certificate, key, client_ca }: GrpcSettings['tls']): ServerCredentials =>
  ServerCredentials.createSsl(
    client_ca === undefined ? null : Buffer.from(client_ca),
    [{ cert_chain: Buffer.from(certificate), private_key: Buffer.from(key) }],
    client_ca !== undefined,
  );

const bind = (server: Server, address: string, credentials: ServerCredentials): Promise<number> =>
  new Promise((resolve, reject) =>
    server.bindAsync(address, credentials, (fault, port) => {
      if (!fault) return resolve(port);
      reject(new Error(`gRPC cannot listen on ${address}: ${fault.message}`, { cause: fault }));
    }),
  );

const addressOf = (host: string, port: number): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;

const starting = () =>
  sharedErrors.unavailable({ message: 'The service is starting', retry_after_seconds: 1 });
const stopping = () =>
  sharedErrors.unavailable({ message: 'The service is stopping', retry_after_seconds: 0 });

type Open = Iterable<CallFacts>;

/** Streams would not end by themselves; their callers connect elsewhere. */
const endStreams = (open: Open): void => {
  for (const { streams, working, stop, base } of open) {
    if (!streams) continue;
    if (working) stop.abort(stopping());
    else base.sendStatus(statusOf(stopping()));
  }
};

const endAll = (open: Open): void => {
  for (const { base } of open) base.sendStatus(statusOf(stopping()));
};

/** For so long after the announcement calls are still taken: load balancers need time to look away. */
const FAREWELL_MS = 1000;

/** After its status a caller has so long to hang up before it is cut off. */
const LAST_WORDS_MS = 200;

type Closing = { address: string; timeout_ms: number; open: Open };

const shutDown = async (server: Server, { address, timeout_ms, open }: Closing): Promise<void> => {
  // Before the rest: of connections that are closing already it would not keep account.
  server.drain(address, timeout_ms + LAST_WORDS_MS);
  const deadline = setTimeout(() => endAll(open), timeout_ms);
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  clearTimeout(deadline);
};

/** What the library says of hostile headers is not for a console. */
const mute = { error: () => undefined, info: () => undefined, debug: () => undefined };

/** The door for other services: these services, health and, when wanted, reflection, over TLS. */
export const createGrpcServer = (settings: GrpcSettings, services: readonly GrpcService[]) => {
  setLogger(mute);
  let leaving = false;
  let address = '';
  const observation = createObservation(settings.observer);
  const { open } = observation;
  const server = new Server({ ...options, interceptors: [observation.interceptor] });
  const admit = createAdmission({ ...settings, certified: settings.tls.client_ca !== undefined });
  const closed = (): DomainError | undefined => (settings.isOpen() ? undefined : starting());
  for (const service of services) addService(server, service, { ...settings, admit, closed });
  const names = services.map(({ definition }) => definition.typeName);
  const health = serveHealth(server, { names, isReady: settings.isReady });
  const unwatch = watchSessions(open, settings.identification);

  return {
    async listen(host: string, port: number): Promise<number> {
      if (settings.reflection) {
        const { serveReflection } = await import('./reflection.ts');
        serveReflection(
          server,
          services.map(({ definition }) => definition),
        );
      }
      const bound = await bind(server, addressOf(host, port), credentialsOf(settings.tls));
      address = addressOf(host, bound);
      await health.look();
      return bound;
    },
    /** Not serving at once; calls in flight end, at most so long, and streams are told to connect again. */
    async drain(timeout_ms: number): Promise<void> {
      if (leaving) return;
      leaving = true;
      health.leave();
      endStreams(open);
      if (address !== '') {
        await wait(FAREWELL_MS);
        endStreams(open);
        await shutDown(server, { address, timeout_ms, open });
      }
      observation.close();
      unwatch();
    },
  };
};

export type GrpcServer = ReturnType<typeof createGrpcServer>;
