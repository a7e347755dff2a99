import { codeOf, sharedErrors } from '#kernel/errors.ts';

const refusingDisk = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);

/** A disk that takes no bytes is an outage to wait out; every other error stays what it was. */
export const diskError = (error: unknown): unknown =>
  refusingDisk.has(codeOf(error)) ? sharedErrors.unavailable({ cause: error }) : error;
