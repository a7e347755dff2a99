import type { Readable } from 'node:stream';

/** An inclusive byte range, as in `Content-Range` (RFC 9110 §14.4). */
export type ByteRange = { start: number; end: number };

type MediaSource = {
  url: string;
  expires_at: string;
  content_type: string;
  size_bytes: number;
  /** Strong entity tag without its quotes. */
  etag: string;
  last_modified: string;
  /** Given: sent as an attachment under this name (RFC 6266). */
  filename?: string | undefined;
  open: (range?: ByteRange) => Promise<Readable>;
};

/**
 * Bytes that a procedure answers. REST sends them, by ranges if asked; on tRPC the caller
 * gets what `toJSON` tells: where to fetch them.
 */
export class Media {
  readonly source: MediaSource;

  constructor(source: MediaSource) {
    this.source = source;
  }

  toJSON(): MediaLink {
    const { url, expires_at, content_type, size_bytes } = this.source;
    return { url, expires_at, content_type, size_bytes };
  }
}

export type MediaLink = {
  url: string;
  expires_at: string;
  content_type: string;
  size_bytes: number;
};
