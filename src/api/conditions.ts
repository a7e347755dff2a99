import { namesTag } from './etag.ts';

/** What tells two versions of a resource apart (RFC 9110 §8.8). */
export type Validators = {
  /** Strong entity tag without its quotes. */
  etag: string;
  last_modified?: Date | undefined;
};

type Headers = Readonly<Record<string, string | string[] | undefined>>;
type Conditions = { method: string; headers: Headers };

/** Evaluates the preconditions of a request in the order of RFC 9110 §13.2.2, but for `If-Range`. */
export const evaluateConditions = (
  { method, headers }: Conditions,
  { etag, last_modified }: Validators,
): 'proceed' | 'not_modified' | 'failed' => {
  const reading = method === 'GET' || method === 'HEAD';
  const ifMatch = textOf(headers['if-match']);
  const ifNoneMatch = textOf(headers['if-none-match']);
  const unchangedSince = (header: string) =>
    isUnchangedSince(textOf(headers[header]), last_modified);

  if (ifMatch === undefined) {
    if (unchangedSince('if-unmodified-since') === false) return 'failed';
  } else if (!namesTag(ifMatch, etag, 'strong')) return 'failed';

  if (ifNoneMatch !== undefined) {
    if (!namesTag(ifNoneMatch, etag, 'weak')) return 'proceed';
    return reading ? 'not_modified' : 'failed';
  }
  return reading && unchangedSince('if-modified-since') ? 'not_modified' : 'proceed';
};

/**
 * Whether a `Range` applies, given the `If-Range` beside it (RFC 9110 §13.1.5). A date counts as a strong validator:
 * what we send by ranges does not change within its second, if ever.
 */
export const rangeApplies = (headers: Headers, { etag, last_modified }: Validators): boolean => {
  const condition = textOf(headers['if-range']);
  if (condition === undefined) return true;
  if (condition.startsWith('"')) return condition === `"${etag}"`;
  return last_modified !== undefined && parseHttpDate(condition) === wholeSeconds(last_modified);
};

/** Undefined when there is nothing valid to compare: the condition is then ignored. */
const isUnchangedSince = (
  header: string | undefined,
  last_modified: Date | undefined,
): boolean | undefined => {
  const since = parseHttpDate(header ?? '');
  if (since === undefined || last_modified === undefined) return undefined;
  return wholeSeconds(last_modified) <= since;
};

const wholeSeconds = (date: Date): number => Math.floor(date.getTime() / 1000) * 1000;

const time = String.raw`\d{2}:\d{2}:\d{2}`;
const imfFixdate = new RegExp(String.raw`^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} ${time} GMT$`);
const rfc850 = new RegExp(String.raw`^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} ${time} GMT$`);
const asctime = new RegExp(String.raw`^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d ${time} \d{4}$`);

/** Milliseconds of an HTTP-date in any of its three forms (RFC 9110 §5.6.7). */
const parseHttpDate = (text: string): number | undefined => {
  const readable = asctime.test(text) ? `${text} GMT` : text;
  if (readable === text && !imfFixdate.test(text) && !rfc850.test(text)) return undefined;
  const parsed = Date.parse(readable);
  return Number.isNaN(parsed) ? undefined : parsed;
};

const textOf = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.join(', ') : header;
