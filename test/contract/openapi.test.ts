import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, inject, it } from 'vitest';
import { transports } from '#api/errors.ts';
import { createOpenApiDocument, type OpenApiDocument, type Operation } from '#api/openapi.ts';
import { type Procedure, proceduresOf } from '#api/procedures.ts';
import { documentFile } from '#api/reference.ts';
import { createStreamSignatures } from '#platform/stream-signatures.ts';
import { testApp } from '#test/app.ts';
import { trpc } from '#test/calls.ts';

const app = await testApp();
const procedures = proceduresOf(app.router);
const document = JSON.parse(inject('document')) as OpenApiDocument;

const operationOf = ({ route }: Procedure): Operation | undefined =>
  document.paths[route.path]?.[route.method.toLowerCase()];

const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
const everySchema = JSON.stringify([document.paths, document.components['schemas']]);

const resolved = (response: object): object =>
  '$ref' in response
    ? (document.components['responses']?.[String(response.$ref).split('/').at(-1) ?? ''] ?? {})
    : response;

/** The codes that an operation lists, each with the status it is listed under. */
const codesOf = ({ responses }: Operation): { status: number; code: string }[] =>
  Object.entries(responses).flatMap(([status, response]) => {
    const listed = /"code":{"type":"string","enum":(\[[^\]]*\])/;
    const [, codes = '[]'] = listed.exec(JSON.stringify(resolved(response))) ?? [];
    return (JSON.parse(codes) as string[]).map((code) => ({ status: Number(status), code }));
  });

/** Objects anywhere within whose fields are not all that there may be. */
const openObjectsIn = (part: unknown): object[] => {
  if (typeof part !== 'object' || part === null) return [];
  const within = Object.values(part).flatMap(openObjectsIn);
  const isOpen =
    'type' in part &&
    part.type === 'object' &&
    !('additionalProperties' in part && part.additionalProperties === false);
  return isOpen ? [part, ...within] : within;
};

describe('the OpenAPI document', () => {
  it('is committed as the contracts are now: `npm run openapi` writes it', async () => {
    expect(await readFile(documentFile, 'utf8')).toBe(inject('document'));
  });

  it('is the same whichever router it is made from', () => {
    const { version } = document.info;
    expect(createOpenApiDocument(app.router, { version })).toEqual(document);
  });

  it('has every procedure, and nothing else', () => {
    expect(procedures.length).toBeGreaterThan(20);
    expect(operations).toHaveLength(procedures.length);
    expect(procedures.filter((procedure) => !operationOf(procedure))).toEqual([]);
  });

  it('is valid and lints without a problem', async () => {
    const redocly = new URL('../../node_modules/.bin/redocly', import.meta.url).pathname;
    const { stdout } = await promisify(execFile)(
      redocly,
      ['lint', documentFile.pathname, '--format=json'],
      {
        cwd: new URL('../..', import.meta.url).pathname,
        env: { PATH: process.env['PATH'], REDOCLY_TELEMETRY: 'off', CI: 'true' },
        timeout: 30_000,
      },
    );
    expect(JSON.parse(stdout).totals).toEqual({ errors: 0, warnings: 0, ignored: 0 });
  }, 40_000);

  it('says nothing of the bounds and the regular expressions of JavaScript', () => {
    expect(everySchema).not.toContain('9007199254740991');
    expect(everySchema).not.toMatch(/"format":"[^"]*","pattern"|"pattern":"[^"]*","format"/);
    expect(everySchema).not.toMatch(/"pattern":"[^"]{100}/);
  });

  it('has a closed schema for everything that is answered', () => {
    const successes = operations.flatMap(({ responses }) =>
      Object.entries(responses).flatMap(([status, response]) => (status < '300' ? response : [])),
    );
    expect(openObjectsIn([document.components['schemas'], successes])).toEqual([]);
    expect(openObjectsIn({ a: { type: 'object' } })).toHaveLength(1);
  });

  it('verifies its own examples of stream addresses', () => {
    const { description } = document.info;
    const secret = /under the secret `([^`]+)`/.exec(description)?.[1] ?? '';
    const address = /\/stream\/(\d+)\?expires=(\d+)&user=(\d+)&sig=([0-9a-f]{64})/g;
    const examples = [...description.matchAll(address)];
    expect(examples).toHaveLength(2);
    for (const [path, id, expires, user, sig = ''] of examples) {
      const now = () => new Date((Number(expires) - 600) * 1000);
      const signatures = createStreamSignatures({ secret, life_ms: 600_000, now });
      expect(signatures.sign(Number(id), Number(user)).path).toBe(path);
      const given = { id: Number(id), user: String(user), expires: String(expires), sig };
      expect(signatures.verify(given)).toBe(Number(user));
    }
  });

  it('gives each code one status, and writes all alike', () => {
    const byCode = Map.groupBy(operations.flatMap(codesOf), ({ code }) => code);
    expect(byCode.size).toBeGreaterThan(15);
    for (const [code, found] of byCode) {
      expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
      expect(new Set(found.map(({ status }) => status)).size, code).toBe(1);
    }
  });

  it('leaves the contracts as strict as they were', async () => {
    createOpenApiDocument(app.router, { version: 'x' });
    const limit = await trpc(app, 'tracks.list', { input: { limit: '5' } });
    expect(limit.json.error.data.code).toBe('VALIDATION_ERROR');
    const unknown = await trpc(app, 'tracks.list', { input: { colour: 'red' } });
    expect(unknown.json.error.data.details[0].field).toBe('colour');
    const fitting = await trpc(app, 'tracks.list', { input: { limit: 5 } });
    expect(fitting.status).toBe(200);
  });
});

describe.each(procedures.map((procedure) => ({ name: procedure.path, procedure })))(
  'the operation of $name',
  ({ procedure }) => {
    const { path, route } = procedure;
    const operation = operationOf(procedure) as Operation;

    it('has a summary, a described tag and an identifier of its own', () => {
      expect(operation.summary).toMatch(/^[A-Z].{3,58}[^.]$/);
      const described = document.tags.filter(({ description }) => description);
      expect(described.map(({ name }) => name)).toContain(operation.tags[0]);
      const [domain = '', verb = ''] = path.split('.');
      expect(operation.operationId).toBe(`${domain}${verb[0]?.toUpperCase()}${verb.slice(1)}`);
      expect(operations.filter((other) => other.operationId === operation.operationId)).toEqual([
        operation,
      ]);
    });

    it('documents what it answers', () => {
      const success = Object.entries(operation.responses).filter(([status]) => status < '300');
      expect(success.map(([status]) => Number(status))).toContain(route.status ?? 200);
      for (const [, response] of success) expect(response).toHaveProperty('content');
    });

    it('asks for a token exactly when its callers have one', () => {
      const asks =
        operation.security.length > 0 && operation.security.every(({ bearerAuth }) => bearerAuth);
      expect(asks).toBe(route.caller !== 'anyone');
    });

    it('lists every code of its contract, and those that any may answer', () => {
      const listed = codesOf(operation);
      for (const { kind, code } of route.errors ?? [])
        expect(listed).toContainEqual({ status: transports[kind].http, code });
      for (const status of [400, 401, 429, 500, 503])
        expect(listed.map((each) => each.status)).toContain(status);
    });
  },
);
