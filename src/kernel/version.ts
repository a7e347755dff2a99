import { sharedErrors } from './errors.ts';

/** The entity tag of a version, without its quotes (RFC 9110 §8.8.3). */
export const etagOf = (version: number): string => `v${version}`;

/** Refuses a change by someone who has seen another version (RFC 9110 §13.1.1). */
export const assertVersion = (if_match: readonly string[] | undefined, version: number): void => {
  if (if_match === undefined || if_match.includes('*') || if_match.includes(etagOf(version)))
    return;
  throw sharedErrors.preconditionFailed();
};
