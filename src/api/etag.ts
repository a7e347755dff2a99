const entityTag = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/g;

/** Whether a list of entity tags, or `*`, names this one; in strong comparison weak ones name none (RFC 9110 §8.8.3.2). */
export const namesTag = (list: string, etag: string, comparison: 'strong' | 'weak'): boolean =>
  list.trim() === '*' ||
  [...list.matchAll(entityTag)].some(
    ([, weak, tag]) => tag === etag && (comparison === 'weak' || weak === undefined),
  );

/**
 * The tags of an `If-Match` on a version, without quotes; `*` stands for itself. Weak ones count, too: a proxy
 * that compresses an answer weakens its tag, and the version is still the one that was seen.
 */
export const parseTags = (list: string): string[] =>
  list.trim() === '*' ? ['*'] : [...list.matchAll(entityTag)].map(([, , tag = '']) => tag);

/** Weak comparison: `If-None-Match` asks whether the caller's copy is still good enough to use. */
export const isUnchanged = (if_none_match: string | undefined, etag: string): boolean =>
  if_none_match !== undefined && namesTag(if_none_match, etag, 'weak');
