import Fastify from 'fastify';
import { Pool } from 'pg';

/** What everything else is measured against: one route, one named query, nothing around it. */
const { DATABASE_URL, SQL_TEXT, SQL_VALUES = '[]' } = process.env;
const constants = JSON.parse(SQL_VALUES) as unknown[];

const pool = new Pool({ connectionString: DATABASE_URL, max: 20 });
const app = Fastify();

app.get<{ Params: { id: string } }>('/tracks/:id', async (req) => {
  const values = [Number(req.params.id), ...constants];
  const { rows } = await pool.query({ name: 'plain', text: SQL_TEXT ?? '', values });
  return rows[0];
});
app.get('/live', async () => 'alive');

await app.listen({ port: 0, host: '127.0.0.1' });
const address = app.server.address();
console.log(`listens on http://localhost:${typeof address === 'object' && address?.port}`);
process.on('SIGTERM', () => process.exit(0));
