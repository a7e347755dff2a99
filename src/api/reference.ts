import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import { renderReference } from './reference-page.ts';
import { sendStatic, staticAnswer } from './static-answer.ts';

/** The generated document; a test fails when it is not what the contracts say. */
export const documentFile = new URL('../../openapi/openapi.json', import.meta.url);

const addresses = { document: '/api/v1/openapi.json', script: '/docs/scalar.js' };

/** Made when first asked for, then kept; a failure is not kept. */
const kept = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () =>
    (made ??= make().catch((fault: unknown) => {
      made = undefined;
      throw fault;
    }));
};

/** The document for programs and the same for people, open to anyone. */
export const registerReference = (app: FastifyInstance): void => {
  const config = { open: true };
  const document = kept(async () =>
    staticAnswer('application/json; charset=utf-8', await readFile(documentFile)),
  );
  const reference = kept(() => renderReference(addresses));
  app.get(addresses.document, { config }, async (req, reply) =>
    sendStatic(req, reply, await document()),
  );
  app.get('/', { config }, async (_req, reply) => reply.redirect('/docs'));
  for (const url of ['/docs', '/docs/'])
    app.get(url, { config }, async (req, reply) =>
      sendStatic(req, reply, (await reference()).page),
    );
  app.get(addresses.script, { config }, async (req, reply) =>
    sendStatic(req, reply, (await reference()).script),
  );
};
