import type { CallObserver } from './observed.ts';
import { nameOf } from './statuses.ts';

const INTERNAL = 13;
const UNAVAILABLE = 14;

type Settings = {
  log: Record<'info' | 'warn' | 'error', (line: object, said: string) => void>;
  metrics: {
    began(): void;
    ended(call: { method: string; status: string; ms: number }): void;
  };
};

/** One line a call, with the fields of a request's line, and a place in the histogram. */
export const createCallLog = ({ log, metrics }: Settings): CallObserver => ({
  began: () => metrics.began(),
  ended(facts, code) {
    const ms = performance.now() - facts.began;
    metrics.ended({ method: facts.path, status: nameOf(code), ms });
    const { ip_address, user_agent, request_id } = facts.origin;
    const line = {
      client_ip: ip_address,
      method: 'POST',
      path: facts.path,
      proto: 'grpc',
      status: code,
      latency_ms: Math.round(ms * 1000) / 1000,
      user_agent,
      error: facts.reason,
      request_id,
      user_id: facts.user_id,
    };
    if (code === UNAVAILABLE) log.warn(line, 'request');
    else if (code === INTERNAL) log.error(line, 'request');
    else log.info(line, 'request');
  },
});
