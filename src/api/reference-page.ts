import { createHash } from 'node:crypto';
import Fastify from 'fastify';
import { type StaticAnswer, staticAnswer } from './static-answer.ts';

const inlineScripts = /<script(?![^>]*\bsrc=)[^>]*>([^]*?)<\/script>/g;

/** The page runs its own script and what it has inline, and talks to nobody but us. */
const policyFor = (html: string): string => {
  const hashes = [...html.matchAll(inlineScripts)].map(
    ([, script = '']) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`,
  );
  return [
    "default-src 'none'",
    `script-src 'self' ${hashes.join(' ')}`,
    "style-src 'unsafe-inline'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
};

export type ReferencePage = { page: StaticAnswer; script: StaticAnswer };

type Addresses = { document: string; script: string };

/**
 * Has the plugin make the page once, on a server of its own that nobody reaches. It is loaded only then: most
 * processes are never asked for the five megabytes of it. Nothing comes from elsewhere, and nothing is told elsewhere.
 */
export const renderReference = async (addresses: Addresses): Promise<ReferencePage> => {
  const { default: reference } = await import('@scalar/fastify-api-reference');
  const app = Fastify();
  await app.register(reference, {
    routePrefix: '/docs',
    configuration: {
      url: addresses.document,
      cdn: addresses.script,
      pageTitle: 'Veza API',
      withDefaultFonts: false,
      telemetry: false,
      agent: { disabled: true },
      hideClientButton: true,
      showDeveloperTools: 'never',
      authentication: { preferredSecurityScheme: 'bearerAuth' },
    },
  });
  const page = await app.inject('/docs/');
  const script = await app.inject('/docs/js/scalar.js');
  await app.close();
  return {
    page: await staticAnswer('text/html; charset=utf-8', page.body, {
      'content-security-policy': policyFor(page.body),
    }),
    script: await staticAnswer('text/javascript; charset=utf-8', script.rawPayload),
  };
};
