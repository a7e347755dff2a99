import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { sendMedia } from '#api/media.ts';
import { id } from '#kernel/fields.ts';
import { textDecoder } from '#kernel/text-fields.ts';
import { trackErrors } from './track.ts';
import type { TracksService } from './tracks.service.ts';

const address = z.strictObject({
  id: id(),
  user: z.string().default(''),
  expires: z.string().default(''),
  sig: z.string().default(''),
  download: z.enum(['1']).optional(),
});

/** Where signed addresses lead: for `<audio>` elements, which carry no token. */
export const registerStream = (app: FastifyInstance, tracks: TracksService): void => {
  const decode = textDecoder(address);
  app.get('/stream/:id', async (req, reply) => {
    const given = address.safeParse(
      decode({ ...(req.query as object), ...(req.params as object) }),
    );
    if (!given.success) throw trackErrors.streamUrlInvalid();
    const { download, ...signed } = given.data;
    return sendMedia(
      req,
      reply,
      await tracks.streamSigned({ ...signed, download: download === '1' }),
    );
  });
};
