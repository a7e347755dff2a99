import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { type DomainError, sharedErrors } from '#kernel/errors.ts';
import { originOf } from './callers.ts';
import type { RefusalLog } from './context.ts';
import { errorEnvelope } from './envelope.ts';
import { describeError, type ErrorAnswer } from './errors.ts';
import { isUnreadable } from './unreadable.ts';

type Settings = {
  refused: RefusalLog;
  /** Puts on the headers that every answer has, when a stage before theirs refuses. */
  secure: (reply: FastifyReply) => FastifyReply;
};

/** A bug, or a dependency that is gone: the cause is for the log alone. */
const logCause = (req: FastifyRequest, answer: ErrorAnswer, thrown: unknown): void => {
  const facts = { err: thrown, request_id: req.id, path: req.routeOptions.url };
  if (answer.status === 500) req.log.error(facts, 'request failed');
  else if (answer.status === 503 && thrown instanceof Error && thrown.cause)
    req.log.warn(facts, 'request refused');
};

const noteDenial = (req: FastifyRequest, { code }: ErrorAnswer, refused: RefusalLog): void =>
  refused.note({
    event_type: 'access_denied',
    user_id: req.actor?.type === 'member' ? req.actor.user_id : null,
    origin: originOf(req),
    details: { code, operation: `${req.method} ${req.routeOptions.url ?? ''}` },
  });

/** What a door does with a thrown error before it answers: headers, log, audit. */
export const settleFailure = (
  req: FastifyRequest,
  reply: FastifyReply,
  { thrown, refused }: { thrown: unknown; refused: RefusalLog },
): ErrorAnswer => {
  const answer = describeError(thrown);
  req.error_code = answer.code;
  logCause(req, answer, thrown);
  if (answer.status === 403) noteDenial(req, answer, refused);
  if (answer.status === 401 && !reply.hasHeader('www-authenticate'))
    reply.header('www-authenticate', 'Bearer');
  if (answer.retry_after_seconds !== undefined)
    reply.header('retry-after', answer.retry_after_seconds);
  if (answer.status === 413 || answer.status === 408) reply.header('connection', 'close');
  return answer;
};

const nowhere = (req: FastifyRequest): DomainError =>
  isUnreadable(req)
    ? sharedErrors.validation({ message: 'The address cannot be read' })
    : sharedErrors.notFound();

/** One place answers every refusal, of every stage, in one shape. */
export const failures = fp<Settings>(
  async (app, { refused, secure }) => {
    const answer = (req: FastifyRequest, reply: FastifyReply, thrown: unknown) => {
      const settled = settleFailure(req, reply, { thrown, refused });
      return secure(reply)
        .code(settled.status)
        .type('application/json; charset=utf-8')
        .send(JSON.stringify(errorEnvelope(settled, req.id)));
    };
    app.setErrorHandler((thrown: FastifyError | DomainError, req, reply) =>
      answer(req, reply, thrown),
    );
    // Before the body is read: whatever it is, there is nobody to take it.
    // oxlint-disable-next-line max-params -- the signature is Fastify's; a promise would cost every request
    app.addHook('preParsing', (req, _reply, _body, done) => done(req.is404 ? nowhere(req) : null));
    app.setNotFoundHandler((req, reply) => answer(req, reply, nowhere(req)));
  },
  { name: 'failures', dependencies: ['rate-limits', 'security-headers'], fastify: '5.x' },
);
