import { type BlockList, isIP } from 'node:net';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import type { Registry } from '@prometheus-io/client';
import { accessLog } from '#platform/http/access-log.ts';
import { bodyDeadline } from '#platform/http/body-deadline.ts';
import { crossOrigin } from '#platform/http/cross-origin.ts';
import { drain } from '#platform/http/drain.ts';
import { metrics } from '#platform/http/metrics.ts';
import { securityHeaders } from '#platform/http/security-headers.ts';
import { callers, originOf } from './callers.ts';
import type { Identification, RefusalLog, RequestContext } from './context.ts';
import { earlyAnswer } from './early-answer.ts';
import { parseTags } from './etag.ts';
import { failures } from './failures.ts';
import { gate } from './gate.ts';
import { takeJson } from './json-bodies.ts';
import { intrusions } from './intrusions.ts';
import { incomingForm } from './multipart.ts';
import { type CallCounter, type Limits, rateLimits } from './rate-limits.ts';
import { requestIdFrom } from './request-id.ts';
import { answerMalformed, answerUnreadable } from './unreadable.ts';

export type HttpSettings = {
  log: FastifyBaseLogger;
  production: boolean;
  origins: readonly string[];
  proxies: BlockList;
  identification: Identification;
  refused: RefusalLog;
  counter: CallCounter;
  limits: Limits;
  upload_max_bytes: number;
  /** What one call may wait for, in all. */
  timeout_ms: number;
  /** Where callers reach us; by default where this caller did. */
  public_url: string | undefined;
  registry: Registry;
};

const MOST_JSON_BYTES = 1024 * 1024;
/** Longer than any address can be: the parser takes 16 KiB of header. */
const LONGEST_PARAMETER = 16 * 1024;

const idOf = ({ headers }: { headers: Record<string, string | string[] | undefined> }): string =>
  requestIdFrom(headers['x-request-id']);

/** What a proxy forwards need not be an address. */
const isListed = (proxies: BlockList, address: string): boolean => {
  const version = isIP(address);
  return version !== 0 && proxies.check(address, version === 6 ? 'ipv6' : 'ipv4');
};

const createServer = ({ log, proxies }: HttpSettings) =>
  Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger) => logger,
    genReqId: idOf,
    trustProxy: (address) => isListed(proxies, address),
    bodyLimit: MOST_JSON_BYTES,
    forceCloseConnections: false,
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
    return503OnClosing: false,
    frameworkErrors: answerUnreadable,
    clientErrorHandler: answerMalformed,
    http: { headersTimeout: 15_000, requestTimeout: 0 },
  });

/** A body that is empty is no body. Keys that reach for prototypes are refused. */
const parseJson = (app: FastifyInstance): void => {
  const parse = app.getDefaultJsonParser('error', 'error');
  takeJson(app, (req, text, done) => {
    if (text.length === 0) done(null, undefined);
    else void parse(req, text, done);
  });
};

/** Everything of HTTP that is the same for every route, in the order in which a request meets it. */
export const createHttp = async (settings: HttpSettings) => {
  const { production, origins, identification, refused, counter, limits, registry, timeout_ms } =
    settings;
  const app = createServer(settings);
  parseJson(app);
  await app.register(metrics, { registry });
  await app.register(drain);
  await app.register(accessLog, {
    userIdOf: ({ actor }) => (actor?.type === 'member' ? actor.user_id : null),
  });
  await app.register(crossOrigin, { production, origins });
  await app.register(gate);
  await app.register(securityHeaders, { production });
  await app.register(callers, { identification, refused, timeout_ms });
  await app.register(rateLimits, { counter, limits, refused });
  await app.register(intrusions, { counter, refused });
  await app.register(failures, { refused, secure: app.secure });
  await app.register(bodyDeadline);
  await app.register(earlyAnswer);
  return app;
};

/** Makes the facts of a call out of the request it came in. */
export const contextMaker =
  (
    app: FastifyInstance,
    { upload_max_bytes, public_url }: Pick<HttpSettings, 'upload_max_bytes' | 'public_url'>,
  ) =>
  (req: FastifyRequest, reply: FastifyReply, batch_size = 1): RequestContext => ({
    actor: req.actor,
    origin: originOf(req),
    if_match:
      req.headers['if-match'] === undefined ? undefined : parseTags(req.headers['if-match']),
    batch_size,
    form: (file_fields) => incomingForm(req, { file_fields, max_file_bytes: upload_max_bytes }),
    linkTo: (path) => `${public_url ?? `${req.protocol}://${req.host}`}${path}`,
    spend: (name, subject) => app.spend(req, reply, { name, subject }),
  });
