import { readFileSync } from 'node:fs';

export type Usage = { cpu_seconds: number; rss_bytes: number };

/** Linux counts in hundredths of a second for programs, whatever the kernel's own clock. */
const ticksPerSecond = 100;

/** What a running process has used, from /proc; undefined when it has ended or the system has no /proc. */
export const usageOf = (pid: number): Usage | undefined => {
  try {
    return {
      cpu_seconds: cpuOf(readFileSync(`/proc/${pid}/stat`, 'latin1')),
      rss_bytes: rssOf(readFileSync(`/proc/${pid}/status`, 'latin1')),
    };
  } catch {
    return undefined;
  }
};

/** utime and stime, fields 14 and 15; field 2, the name, may hold anything and ends at the last parenthesis. */
const cpuOf = (stat: string): number => {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
};

const rssOf = (status: string): number => Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024;
