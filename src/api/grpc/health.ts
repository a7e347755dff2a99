import type { Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';

const LOOK_MS = 1000;

type Settings = {
  /** Services by their full names; the empty one stands for the whole. */
  names: readonly string[];
  isReady: () => Promise<boolean>;
};

/** `grpc.health.v1.Health`: every service follows the readiness of the process, looked at each second. */
export const serveHealth = (server: Server, { names, isReady }: Settings) => {
  const all = ['', ...names];
  const health = new HealthImplementation();
  health.addToServer(server);
  let shown: string | undefined;

  const show = (status: 'SERVING' | 'NOT_SERVING'): void => {
    if (status === shown) return;
    shown = status;
    for (const name of all) health.setStatus(name, status);
  };
  const look = async (): Promise<void> => show((await isReady()) ? 'SERVING' : 'NOT_SERVING');

  show('NOT_SERVING');
  const looking = setInterval(() => void look(), LOOK_MS);
  looking.unref();
  return {
    look,
    /** From now on, whatever the process thinks of itself. */
    leave(): void {
      clearInterval(looking);
      show('NOT_SERVING');
    },
  };
};
