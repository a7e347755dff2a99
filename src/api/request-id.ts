import { randomUUID } from 'node:crypto';

const accepted = /^[A-Za-z0-9_.:-]{1,128}$/;

export const newRequestId = (): string => `req_${randomUUID()}`;

/** The caller's own, if it is one that can stand in logs and headers; a new one otherwise. */
export const requestIdFrom = (given: unknown): string =>
  typeof given === 'string' && accepted.test(given) ? given : newRequestId();
