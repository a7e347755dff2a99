import type { z } from 'zod';
import { type DomainError, type ErrorDetail, invalidFields } from './errors.ts';

type Issue = z.core.$ZodIssue;

/** Every problem once: unknown fields by name, and of a union what its last branch says. */
const detailsOf = (issue: Issue, above: readonly PropertyKey[] = []): ErrorDetail[] => {
  const path = [...above, ...issue.path];
  const field = path.map(String).join('.');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      field: [...path, key].map(String).join('.'),
      message: 'Unknown field',
    }));
  if (issue.code === 'invalid_union') {
    const last = issue.errors.at(-1) ?? [];
    if (last.length > 0) return last.flatMap((inner) => detailsOf(inner, path));
  }
  return [{ field, message: issue.message }];
};

export const validationError = (error: z.core.$ZodError): DomainError =>
  invalidFields(error.issues.flatMap((issue) => detailsOf(issue)));

/** The value as the schema reads it; VALIDATION_ERROR with every problem otherwise. */
export const parseWith = <S extends z.ZodType>(schema: S, value: unknown): z.output<S> => {
  const result = schema.safeParse(value);
  if (!result.success) throw validationError(result.error);
  return result.data;
};
