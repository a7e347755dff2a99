import { Serialised } from '#kernel/serialised.ts';
import type { ErrorAnswer } from './errors.ts';

/** The contract's version, in the path and in every answer. */
export const VERSION = 'v1';

const DONE = 'Operation completed successfully';

/** As JSON; what was serialised before is not written again. Undefined where there is nothing to say. */
export const jsonOf = (output: unknown): string | undefined =>
  output instanceof Serialised ? output.json : JSON.stringify(output);

/** The envelope around a JSON text that is already written: `data`, or `data` and `pagination` of a page. */
export const envelope = (output: unknown, request_id: string, message = DONE): string => {
  const meta = `{"timestamp":"${new Date().toISOString()}","request_id":"${request_id}","version":"${VERSION}"}`;
  const body = isPage(output)
    ? `${JSON.stringify(output.data)},"pagination":${JSON.stringify(output.pagination)}`
    : jsonOf(output ?? null);
  return `{"success":true,"message":${JSON.stringify(message)},"data":${body},"meta":${meta}}`;
};

const isPage = (output: unknown): output is { data: unknown; pagination: unknown } =>
  typeof output === 'object' && output !== null && 'pagination' in output && 'data' in output;

export const errorEnvelope = (
  { code, message, details }: ErrorAnswer,
  request_id: string,
): object => ({
  success: false,
  error: { code, message, details },
  meta: { timestamp: new Date().toISOString(), request_id },
});
