/** The closed set of ways a use case may refuse. Every door maps this set once, exhaustively (`api/errors.ts`). */
export const errorKinds = [
  'invalid',
  'unauthenticated',
  'forbidden',
  'not_found',
  'conflict',
  'precondition_failed',
  'too_large',
  'unsupported_media',
  'unprocessable',
  'limit_exceeded',
  'unavailable',
] as const;
export type ErrorKind = (typeof errorKinds)[number];

/** One problem of an input: `field` is the dotted path, empty for the whole. */
export type ErrorDetail = { field: string; message: string };

type Refused = {
  kind: ErrorKind;
  code: string;
  message: string;
  details?: readonly ErrorDetail[] | undefined;
  /** Whole seconds until trying again may help; sent as `Retry-After`. */
  retry_after_seconds?: number | undefined;
  cause?: unknown;
};

/** An expected refusal, as opposed to a bug: anything else that is thrown is answered 500. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly kind: ErrorKind;
  /** Stable and public: clients branch on it. */
  readonly code: string;
  readonly details: readonly ErrorDetail[];
  readonly retry_after_seconds: number | undefined;

  constructor({ kind, code, message, details = [], retry_after_seconds, cause }: Refused) {
    super(message, { cause });
    this.kind = kind;
    this.code = code;
    this.details = details;
    this.retry_after_seconds = retry_after_seconds;
  }
}

type Particulars = Partial<Pick<Refused, 'message' | 'details' | 'retry_after_seconds' | 'cause'>>;

/** A named refusal: callable to make the error, and data that contracts and the OpenAPI document list. */
export type Refusal = ((particulars?: Particulars) => DomainError) & {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly message: string;
};

/** @param message safe to show to the caller */
export const refusal = (kind: ErrorKind, code: string, message: string): Refusal => {
  const refuse = (particulars: Particulars = {}) =>
    new DomainError({ kind, code, message, ...particulars });
  return Object.assign(refuse, { kind, code, message });
};

/** Refusals that belong to no single module. */
export const sharedErrors = {
  validation: refusal('invalid', 'VALIDATION_ERROR', 'Invalid input data'),
  unauthenticated: refusal('unauthenticated', 'UNAUTHENTICATED', 'Sign in to do this'),
  forbidden: refusal('forbidden', 'FORBIDDEN', 'You may not do this'),
  notFound: refusal('not_found', 'NOT_FOUND', 'There is no such thing'),
  conflict: refusal('conflict', 'CONFLICT', 'The request conflicts with the current state'),
  preconditionFailed: refusal(
    'precondition_failed',
    'PRECONDITION_FAILED',
    'It has changed since you read it',
  ),
  tooLarge: refusal('too_large', 'PAYLOAD_TOO_LARGE', 'The request is too large'),
  unsupportedMedia: refusal(
    'unsupported_media',
    'UNSUPPORTED_MEDIA_TYPE',
    'This content type is not accepted here',
  ),
  suspended: refusal('forbidden', 'ACCOUNT_SUSPENDED', 'Your account is suspended'),
  rateLimited: refusal('limit_exceeded', 'RATE_LIMITED', 'Too many requests'),
  unavailable: refusal(
    'unavailable',
    'SERVICE_UNAVAILABLE',
    'The service is not available for the moment',
  ),
};

/** The fault and whatever it wraps, outermost first. */
export function* causesOf(fault: unknown): Generator<Error> {
  for (let cause = fault; cause instanceof Error; cause = cause.cause) yield cause;
}

/** The `code` of a fault, of ours, of Node or of a library; empty when it has none. */
export const codeOf = (fault: unknown): string =>
  fault instanceof Error && 'code' in fault && typeof fault.code === 'string' ? fault.code : '';

/** A refusal of some fields of an input, all problems at once. */
export const invalidFields = (details: readonly ErrorDetail[]): DomainError =>
  sharedErrors.validation({ details });
