import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc';
import type { FastifyRequest } from 'fastify';
import { type ErrorAnswer, trpcCodeOf } from './errors.ts';
import { jsonOf } from './envelope.ts';
import type { Procedure } from './procedures.ts';

/** A request of plain calls: queries by GET or mutations by POST, alone or in a batch. */
export type PlainCalls = {
  batch: boolean;
  calls: { path: string; procedure: Procedure; input: unknown }[];
};

export type Outcome = { output: unknown } | { path: string; refused: ErrorAnswer };

const isBatch = ({ query }: FastifyRequest): boolean =>
  [(query as { batch?: string | string[] }).batch].flat()[0] === '1';

/** How many calls a request makes, going by its address. */
export const callsIn = (path: string, req: FastifyRequest): number =>
  isBatch(req) ? path.split(',').length : 1;

const isJson = (type: string | undefined): boolean =>
  type === undefined || /^application\/json\s*(?:;|$)/i.test(type);

const wantsStream = ({ headers, query }: FastifyRequest): boolean =>
  headers['trpc-accept'] !== undefined ||
  headers.accept?.includes('jsonl') === true ||
  'connectionParams' in (query as object);

const methods = { query: 'GET', mutation: 'POST' };

const isPlain = ({ type, route }: Procedure, method: string): boolean =>
  methods[type] === method && !route.form;

/** Undefined is no input; what is not JSON is for the adapter to refuse. */
const inputText = ({ method, query, body }: FastifyRequest): string | undefined => {
  if (method === 'POST') return String(body);
  return [(query as { input?: string | string[] }).input].flat()[0] || undefined;
};

const parsed = (text: string | undefined): { inputs: unknown } | undefined => {
  try {
    return { inputs: text === undefined ? undefined : (JSON.parse(text) as unknown) };
  } catch {
    return undefined;
  }
};

/** The inputs of the calls, in order; undefined when they are not given as calls of this number are. */
const inputsOf = (req: FastifyRequest, count: number, batch: boolean): unknown[] | undefined => {
  const read = parsed(inputText(req));
  if (!read) return undefined;
  const { inputs } = read;
  if (!batch) return [inputs];
  if (inputs === undefined) return Array.from({ length: count });
  if (typeof inputs !== 'object' || inputs === null || Array.isArray(inputs)) return undefined;
  return Array.from({ length: count }, (_, index) => (inputs as Record<number, unknown>)[index]);
};

/**
 * Reads the wire of tRPC over HTTP. Undefined for whatever is not made of plain calls to procedures that are
 * there, in the way they are called: streams, forms and mistakes are left to tRPC's own adapter.
 */
export const readPlainCalls = (
  path: string,
  req: FastifyRequest,
  procedures: ReadonlyMap<string, Procedure>,
): PlainCalls | undefined => {
  if (!isJson(req.headers['content-type']) || wantsStream(req)) return undefined;
  const batch = isBatch(req);
  const called = (batch ? path.split(',') : [path]).flatMap((name) => {
    const procedure = procedures.get(name);
    return procedure && isPlain(procedure, req.method) ? [{ path: name, procedure }] : [];
  });
  const inputs = inputsOf(req, callsIn(path, req), batch);
  if (!inputs || called.length !== inputs.length) return undefined;
  return { batch, calls: called.map((call, index) => ({ ...call, input: inputs[index] })) };
};

/** A refusal as tRPC clients read it; `path` is absent when no procedure was reached. */
export const errorShape = (
  { status, code, message, details }: ErrorAnswer,
  request_id: string,
  path?: string,
) => ({
  error: {
    message,
    code: TRPC_ERROR_CODES_BY_KEY[trpcCodeOf(status)],
    data: { httpStatus: status, ...(path !== undefined && { path }), code, details, request_id },
  },
});

const written = (outcome: Outcome, request_id: string): string => {
  if ('refused' in outcome)
    return JSON.stringify(errorShape(outcome.refused, request_id, outcome.path));
  const json = jsonOf(outcome.output);
  return json === undefined ? '{"result":{}}' : `{"result":{"data":${json}}}`;
};

/** One status for all, or 207 when the calls of a batch differ. */
const statusOf = (outcomes: readonly Outcome[]): number => {
  const statuses = new Set(
    outcomes.map((outcome) => ('refused' in outcome ? outcome.refused.status : 200)),
  );
  const [first = 200] = statuses;
  return statuses.size > 1 ? 207 : first;
};

/** Writes the answers of plain calls, in their order. */
export const writeOutcomes = (
  outcomes: readonly Outcome[],
  { batch, request_id }: { batch: boolean; request_id: string },
): { status: number; body: string } => {
  const answers = outcomes.map((outcome) => written(outcome, request_id)).join(',');
  return { status: statusOf(outcomes), body: batch ? `[${answers}]` : answers };
};
