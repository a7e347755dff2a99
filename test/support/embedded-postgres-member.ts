import { joinEmbeddedPostgres } from '#platform/embedded-postgres/embedded-postgres.ts';

/** A process that joins the folder it is given, tells how as one line of JSON, and leaves when its input ends. */
const [folder = ''] = process.argv.slice(2);
const log = { info: () => {}, warn: () => {} };
const server = await joinEmbeddedPostgres({ folder, log, durable: false });
process.stdout.write(`${JSON.stringify(server)}\n`);
for await (const _ of process.stdin);
await server.leave();
