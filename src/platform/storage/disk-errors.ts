import { sharedErrors } from '#kernel/errors.ts';

const refusingDisk = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);

export const errorCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

/** A disk that takes no bytes is an outage to wait out; every other error stays what it was. */
export const diskError = (error: unknown): unknown =>
  refusingDisk.has(errorCode(error) ?? '') ? sharedErrors.unavailable({ cause: error }) : error;
