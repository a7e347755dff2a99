/** The tags of an `If-Match` or `If-None-Match` field, without quotes; `*` stands for itself (RFC 9110 §13.1). */
export const parseTags = (field: string): string[] =>
  [...field.matchAll(/(?:W\/)?"([^"]*)"|\*/g)].map(([whole, tag]) => tag ?? whole);

/** Weak comparison: `If-None-Match` asks whether the caller's copy is still good enough to use. */
export const isUnchanged = (if_none_match: string | undefined, tag: string): boolean => {
  if (if_none_match === undefined) return false;
  const tags = parseTags(if_none_match);
  return tags.includes('*') || tags.includes(tag);
};
