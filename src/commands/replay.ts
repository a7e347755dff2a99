import { parseArgs } from 'node:util';
import { z } from 'zod';
import { withApplication } from './application.ts';

const usage = `npm run replay -- --since 2026-01-01T00:00:00Z [--until …] [--name track.ready]
npm run replay -- --parked`;

const instant = z.iso.datetime({ offset: true });

const wishes = z.strictObject({
  since: instant.optional(),
  until: instant.optional(),
  name: z
    .string()
    .regex(/^\w+\.\w+$/)
    .optional(),
  parked: z.boolean().default(false),
});

const options = {
  since: { type: 'string' },
  until: { type: 'string' },
  name: { type: 'string' },
  parked: { type: 'boolean' },
} as const;

/** What is to be replayed; undefined for arguments that say nothing sensible. */
const readWishes = () => {
  try {
    const { data } = wishes.safeParse({ ...parseArgs({ options }).values });
    return data && (data.parked || data.since) ? data : undefined;
  } catch {
    return undefined;
  }
};

const wish = readWishes();
if (!wish) {
  console.error(usage);
  process.exit(1);
}

await withApplication(async ({ services: { events } }) => {
  const { parked, ...which } = wish;
  if (parked) console.log(`${await events.replayAllParked()} parked events are tried again`);
  if (which.since) console.log(`${await events.replay(which)} events are relayed again`);
});
