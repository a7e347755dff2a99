import { readFile } from 'node:fs/promises';
import type { HttpSettings } from '#api/http.ts';
import type { GrpcService } from '#api/grpc/implement.ts';
import type { GrpcServer, GrpcSettings } from '#api/grpc/server.ts';
import type { Config } from '#config.ts';
import { keptCertificate } from '#platform/tls/kept-certificate.ts';
import type { Outside } from './outside.ts';

type Given = Pick<GrpcSettings, 'isOpen' | 'isReady'> & {
  /** Callers are the same, and are counted together, whichever door they use. */
  door: Pick<HttpSettings, 'identification' | 'counter' | 'limits' | 'refused' | 'timeout_ms'>;
  services: readonly GrpcService[];
};

const readTls = async ({ grpc, server }: Config, now: Date): Promise<GrpcSettings['tls']> => {
  const { GRPC_TLS_CERT, GRPC_TLS_KEY, GRPC_CLIENT_CA } = grpc;
  const client_ca = GRPC_CLIENT_CA && (await readFile(GRPC_CLIENT_CA, 'utf8'));
  if (!GRPC_TLS_CERT || !GRPC_TLS_KEY)
    return { ...(await keptCertificate(server.DATA_DIR, now)), client_ca };
  const [certificate, key] = await Promise.all([
    readFile(GRPC_TLS_CERT, 'utf8'),
    readFile(GRPC_TLS_KEY, 'utf8'),
  ]);
  return { certificate, key, client_ca };
};

/** The library is loaded when it is needed: others need not wait for it. */
const createServer = async (
  { log, metrics, now }: Outside,
  config: Config,
  { door, services, ...probes }: Given,
): Promise<GrpcServer> => {
  const [{ createGrpcServer }, { createCallLog }, tls] = await Promise.all([
    import('#api/grpc/server.ts'),
    import('#api/grpc/call-log.ts'),
    readTls(config, now()),
  ]);
  // The line of a call holds no secrets, and looking for some costs as much as writing it.
  const observer = createCallLog({ log: log.child({}, { redact: [] }), metrics: metrics.grpc });
  const settings = {
    ...door,
    ...probes,
    services: config.grpc.GRPC_SERVICE_TOKENS,
    reflection: config.server.ENVIRONMENT !== 'production',
    log,
    observer,
    tls,
  };
  return createGrpcServer(settings, services);
};

/** The fifth door, closed until `listen`; `listen` answers its port, if it has one. */
export const createGrpcDoor = (outside: Outside, config: Config, given: Given) => {
  const { GRPC_PORT: port } = config.grpc;
  const { HOST, ENVIRONMENT } = config.server;
  let server: GrpcServer | undefined;
  const open = async (on: number): Promise<number> => {
    server = await createServer(outside, config, given);
    return server.listen(HOST, on);
  };
  return {
    async listen(): Promise<number | undefined> {
      if (port === 'off') return undefined;
      return open(port).catch((fault: unknown) => {
        // While developing, a second process beside the first takes a free port.
        if (ENVIRONMENT !== 'development') throw fault;
        return open(0);
      });
    },
    drain: async (timeout_ms: number): Promise<void> => server?.drain(timeout_ms),
  };
};
