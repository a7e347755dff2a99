import fp from 'fastify-plugin';

const LONGEST_MS = 10_000;

/**
 * A body that is not a form must arrive within ten seconds; otherwise its connection is closed. Forms have
 * a deadline for silence instead, since a large file over a slow line takes its time.
 */
export const bodyDeadline = fp(
  async (app) => {
    app.addHook('onRequest', (req, _reply, done) => {
      const {
        'content-length': length,
        'transfer-encoding': chunked,
        'content-type': type,
      } = req.headers;
      const hasBody = chunked !== undefined || (length !== undefined && length !== '0');
      if (hasBody && !/^multipart\//i.test(type ?? '')) {
        const timer = setTimeout(() => req.raw.destroy(), LONGEST_MS);
        req.raw.once('end', () => clearTimeout(timer));
        req.raw.once('close', () => clearTimeout(timer));
      }
      done();
    });
  },
  { name: 'body-deadline', fastify: '5.x' },
);
