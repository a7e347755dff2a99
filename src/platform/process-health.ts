import { monitorEventLoopDelay } from 'node:perf_hooks';

type Health = { status: 'healthy' | 'degraded'; message: string };

/** The architecture document's target. */
const MOST_RESIDENT_BYTES = 512 * 1024 * 1024;
const LONGEST_DELAY_MS = 200;
const NS_PER_MS = 1e6;

/** How this process itself is doing; the event loop since it was last asked. */
export const createProcessHealth = () => {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  return {
    memory: (): Health => {
      const { rss, heapUsed } = process.memoryUsage();
      const message = `${Math.round(rss / 2 ** 20)} MiB resident, ${Math.round(heapUsed / 2 ** 20)} MiB heap`;
      return { status: rss > MOST_RESIDENT_BYTES ? 'degraded' : 'healthy', message };
    },
    event_loop: (): Health => {
      const p99_ms = delay.percentile(99) / NS_PER_MS;
      delay.reset();
      const message = `p99 delay ${p99_ms.toFixed(1)} ms`;
      return { status: p99_ms > LONGEST_DELAY_MS ? 'degraded' : 'healthy', message };
    },
  };
};
