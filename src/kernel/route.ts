import type { z } from 'zod';
import type { Refusal } from './errors.ts';

export type Caller = 'anyone' | 'member' | 'moderator' | 'admin';

/** Buckets that a call counts against besides its caller's general one. */
export type LimitName = 'login' | 'register' | 'upload' | 'message';

/** What a procedure promises, as data: tRPC, REST, the OpenAPI document and the policy test read the same. */
export type Route<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Under `/api/v1`, with `{name}` for path parameters. */
  path: `/${string}`;
  /** One tag a domain. */
  tag: string;
  summary: string;
  description?: string;
  caller: Caller;
  /** Success status; 200 when absent. */
  status?: 200 | 201;
  /** A second success status and when it applies. */
  otherwise?: { status: 200 | 201; when: (output: never) => boolean; description: string };
  /** The envelope's `message`. */
  message?: string;
  errors?: readonly Refusal[];
  /** Suspended accounts may also do this (reading, and whatever is their own to take back, is always allowed). */
  suspended?: 'allowed';
  /** Counted per address or user and, where given, per account that is named in the input. */
  limit?: { name: LimitName; by: 'address' | 'user'; account?: (input: never) => string };
  /** Not in a tRPC batch: each call would otherwise be one guess of many in a request. */
  batchable?: false;
  /** Answers carry what must not be kept by anyone on the way. */
  secret?: true;
  /** The body is `multipart/form-data`: the names its file may have, and the fields beside it. */
  form?: { file: readonly string[]; fields: z.ZodObject };
  /** The answer is bytes, of these types. */
  media?: readonly string[];
  /** A single resource: answered with the `ETag` of this, and conditional (RFC 9110 §13). */
  version?: (output: never) => number;
  /** Where what was created is found, under `/api/v1`. */
  location?: (output: never) => string;
  example?: { input?: unknown; output?: unknown };
  input: I;
  output: O;
};

export const route = <I extends z.ZodType, O extends z.ZodType>(
  definition: Route<I, O>,
): Route<I, O> => definition;
