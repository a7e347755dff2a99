import { codeOf, DomainError, invalidFields } from '#kernel/errors.ts';
import { uploadErrors } from '#kernel/upload.ts';

export const refuseField = (field: string, message: string): DomainError =>
  invalidFields([{ field, message }]);

const tooMany = 'The form has too many parts';

const parserRefusals = new Map([
  ['FST_REQ_FILE_TOO_LARGE', () => uploadErrors.fileTooLarge()],
  ['FST_FIELDS_LIMIT', () => refuseField('', tooMany)],
  ['FST_FILES_LIMIT', () => refuseField('', tooMany)],
  ['FST_PARTS_LIMIT', () => refuseField('', tooMany)],
]);

/** What the multipart parser throws is the client's doing: malformed, cut off, or beyond a limit. */
export const refusalOf = (error: unknown): DomainError => {
  if (error instanceof DomainError) return error;
  return parserRefusals.get(codeOf(error))?.() ?? cutOff(error);
};

export const cutOff = (cause?: unknown): DomainError => {
  const refused = refuseField('', 'The form is malformed or was cut off');
  refused.cause = cause;
  return refused;
};

export const orRefuse = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    throw refusalOf(error);
  }
};
