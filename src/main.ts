import { existsSync } from 'node:fs';
import { type Config, ConfigError, readConfig } from '#config.ts';
import { type Service, startService } from './start.ts';

/** Past the time that requests get to end, nothing is worth waiting for: not even the log, as an exit would. */
const LONGEST_STOP_MS = 24_000;

const configure = (): Config => {
  if (existsSync('.env')) process.loadEnvFile('.env');
  try {
    return readConfig(process.env);
  } catch (fault) {
    if (!(fault instanceof ConfigError)) throw fault;
    for (const problem of fault.problems) console.error(problem);
    return process.exit(1);
  }
};

const stop = async (service: Service): Promise<void> => {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), LONGEST_STOP_MS).unref();
  await service.stop();
  process.exit(0);
};

try {
  const starting = startService(configure());
  // A terminal and npm may both pass a signal on: the second is not a second wish.
  let stopping: Promise<void> | undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      stopping ??= starting.then(stop).catch((fault: unknown) => {
        console.error(fault);
        process.exit(1);
      });
    });
  await starting;
} catch (fault) {
  console.error(fault instanceof Error ? fault.message : fault);
  process.exit(1);
}
