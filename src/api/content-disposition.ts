const inFallback = /[^\x20-\x7e]|["\\%]/g;
const notAName = /[\p{Cc}/\\]/gu;
const leftByEncoder = /[*'()]/g;

/** `Content-Disposition: attachment` (RFC 6266), the name in ASCII and, where that is not all of it, in full (RFC 8187). */
export const attachmentNamed = (filename: string): string => {
  const name = filename.toWellFormed().replace(notAName, '_');
  const fallback = name.replace(inFallback, '_');
  const plain = `attachment; filename="${fallback}"`;
  return fallback === name ? plain : `${plain}; filename*=UTF-8''${extended(name)}`;
};

const extended = (name: string): string =>
  encodeURIComponent(name).replace(
    leftByEncoder,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
