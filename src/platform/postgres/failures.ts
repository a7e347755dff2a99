import { causesOf, codeOf, sharedErrors } from '#kernel/errors.ts';

/** SQLSTATE, or the code of the socket: of the outermost fault that has one. */
const stateOf = (fault: unknown): string => [...causesOf(fault)].map(codeOf).find(Boolean) ?? '';

/** Whether `fault`, or anything it wraps, is a violation of the named constraint. */
export const violates = (fault: unknown, constraint: string): boolean => {
  for (const cause of causesOf(fault))
    if ('constraint' in cause && cause.constraint === constraint) return true;
  return false;
};

/** Serialization failure or deadlock: the transaction may be run again. */
export const isRetryable = (fault: unknown): boolean => ['40001', '40P01'].includes(stateOf(fault));

/** SQLSTATE classes and codes, and codes of the socket, that tell of the server and not of the statement. */
const lost =
  /^(08...|53...|55P03|57014|57P0.|58...|25P03|ECONN\w+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;
const lostInWords =
  /timeout|Connection terminated|not queryable|Client was closed|Cannot use a pool/;

export const isConnectionLost = (fault: unknown): boolean => {
  const code = stateOf(fault);
  if (code !== '') return lost.test(code);
  return fault instanceof Error && lostInWords.test(fault.message);
};

/** The database cannot answer for the moment: 503 to the caller, the cause to the log. */
export const databaseUnavailable = (cause: unknown) =>
  sharedErrors.unavailable({ retry_after_seconds: 1, cause });
