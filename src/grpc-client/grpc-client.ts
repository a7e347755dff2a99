import { Client, credentials } from '@grpc/grpc-js';
import { AuthService } from '#proto/veza/auth/v1/auth_pb.ts';
import { StreamEventType, StreamService } from '#proto/veza/stream/v1/stream_pb.ts';
import { type CallOptions, clientOf, type ServiceClient } from './calls.ts';
import { type VerifiedStreamUrl, verifyStreamUrl } from './stream-url.ts';
import { VezaError } from './veza-error.ts';

export { StreamEventType, VezaError, verifyStreamUrl };
export type { CallOptions, VerifiedStreamUrl };

type Pem = string | Buffer;

export type VezaServicesOptions = {
  /** Host and port, like `localhost:50051`. */
  address: string;
  /** Whose certificates are trusted, PEM; by default those that the system trusts. */
  ca?: Pem;
  /** Shown where the service asks for one; names the caller. */
  client_certificate?: { certificate: Pem; key: Pem };
  /** Names the caller without a certificate. */
  service_token?: string;
  /** Of a user, for calls that bring none of their own. */
  token?: string;
  /** 5000 by default. */
  timeout_ms?: number;
};

export type VezaServices = {
  readonly auth: ServiceClient<typeof AuthService>;
  readonly stream: ServiceClient<typeof StreamService>;
  /** Ends what is open. */
  close: () => void;
};

const DEFAULT_TIMEOUT_MS = 5000;

const bytesOf = (pem: Pem | undefined): Buffer | null =>
  pem === undefined ? null : Buffer.from(pem);

/**
 * The services of Veza for another service. Calls are promises with a deadline, refusals are `VezaError`s, and a
 * connection that was lost is made again by itself.
 */
export const createVezaServices = (options: VezaServicesOptions): VezaServices => {
  const { address, ca, client_certificate, service_token, token } = options;
  const tls = credentials.createSsl(
    bytesOf(ca),
    bytesOf(client_certificate?.key),
    bytesOf(client_certificate?.certificate),
  );
  const client = new Client(address, tls, {
    'grpc.keepalive_time_ms': 30_000,
    'grpc.use_local_subchannel_pool': 1,
  });
  const { timeout_ms = DEFAULT_TIMEOUT_MS } = options;
  const transport = { client, service_token, token, timeout_ms };
  return {
    auth: clientOf(AuthService, transport),
    stream: clientOf(StreamService, transport),
    close: () => client.close(),
  };
};
