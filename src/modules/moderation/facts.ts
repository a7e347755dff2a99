import { createHash } from 'node:crypto';
import type { Normalised } from './normalise.ts';

/** A text that its author sent a moment ago. */
export type RecentText = { at_ms: number; digest: string };

/** What the caller knows beside the text; what is not known is not held against anyone. */
export type Facts = {
  now_ms: number;
  /** Earlier texts of this author in this room, in any order. */
  recent: readonly RecentText[];
  /** People that the text calls, when the caller has counted them; otherwise each `@name` counts. */
  mentions?: number | undefined;
  account_age_ms?: number | undefined;
};

/** The same for texts that read alike: case, accents, signs and spaces aside. */
export const digestOf = ({ text }: Pick<Normalised, 'text'>): string =>
  createHash('sha1')
    .update(text.replaceAll(/[^\p{L}\d]+/gu, ''))
    .digest('base64url');

/** How many of the texts fall into the window that ends now. */
export const within = (
  { recent, now_ms }: Pick<Facts, 'recent' | 'now_ms'>,
  seconds: number,
): RecentText[] => recent.filter(({ at_ms }) => at_ms > now_ms - seconds * 1000 && at_ms <= now_ms);

/** What authors sent to rooms in the last minutes, in the memory of this process. */
export interface RecentTexts {
  of(author_id: number, room_id: number): readonly RecentText[];
  note(author_id: number, room_id: number, text: RecentText): void;
}

const MOST_KEPT = 50;

type Memory = {
  get(key: string): readonly RecentText[] | undefined;
  set(key: string, texts: readonly RecentText[]): unknown;
};

/** @param memory bounded: whom it has forgotten starts anew */
export const createRecentTexts = (memory: Memory): RecentTexts => {
  const of = (author_id: number, room_id: number): readonly RecentText[] =>
    memory.get(`${author_id} ${room_id}`) ?? [];
  return {
    of,
    note(author_id, room_id, text) {
      const texts = [...of(author_id, room_id), text].slice(-MOST_KEPT);
      memory.set(`${author_id} ${room_id}`, texts);
    },
  };
};
