import type { ErrorDetail } from '#kernel/errors.ts';
import type { Subject } from './decision.ts';
import { digestOf } from './facts.ts';
import type { Deps } from './moderation.ports.ts';
import { normalise } from './normalise.ts';
import { type Review, review } from './review.ts';
import { isAtLeast, moderationErrors, type Scope } from './rule.ts';

export type ReviewedText = {
  text: string;
  scope: Scope;
  author_id: number | null;
  /** With a room the text counts towards flood and repetition there. */
  room_id?: number | undefined;
  mentions?: number | undefined;
  account_age_ms?: number | undefined;
};

/** What the rules say of a text. Nothing is written: the caller decides what becomes of it. */
export const reviewText =
  ({ book, recent, now }: Pick<Deps, 'book' | 'recent' | 'now'>) =>
  async ({ text, scope, author_id, room_id, ...known }: ReviewedText): Promise<Review> => {
    const rules = await book.of(scope);
    const now_ms = now().getTime();
    if (author_id === null || room_id === undefined)
      return review(text, { rules, facts: { ...known, now_ms, recent: [] } });
    const facts = { ...known, now_ms, recent: recent.of(author_id, room_id) };
    const reviewed = review(text, { rules, facts });
    recent.note(author_id, room_id, { at_ms: now_ms, digest: digestOf(normalise(text)) });
    return reviewed;
  };

/** One text of a form: `field` is its dotted path there. */
export type FieldText = { field: string; scope: Scope; text: string };

type About = { author_id: number | null; subject: Subject };

/** What may not be kept, by field, and how what may be is written instead. */
export type Judgement = {
  refused: readonly string[];
  censored: Readonly<Record<string, string>>;
};

/** Long texts can be starred out in part; a name or a title with stars in it says the same as before. */
const canBeCensored: Record<Scope, boolean> = {
  message: true,
  bio: true,
  comment: true,
  name: false,
  title: false,
  listing: false,
};

const refuses = ({ action }: Review, scope: Scope): boolean =>
  isAtLeast(action, 'hold') || (action === 'censor' && !canBeCensored[scope]);

type Reviewed = FieldText & { review: Review };

const reviewAll = async (
  deps: Deps,
  texts: readonly FieldText[],
  author_id: number | null,
): Promise<Reviewed[]> => {
  const reviewed: Reviewed[] = [];
  for (const each of texts) {
    const { text, scope } = each;
    if (text !== '')
      reviewed.push({ ...each, review: await reviewText(deps)({ text, scope, author_id }) });
  }
  return reviewed;
};

/** The refusals are recorded by themselves: what they refuse is not going to be written. */
const recordRefusals = (
  { inTransaction }: Deps,
  refused: readonly Reviewed[],
  { author_id, subject }: About,
): Promise<void> =>
  inTransaction(async ({ records }) => {
    for (const { scope, review } of refused)
      await records.record({
        scope,
        subject_kind: subject.kind,
        subject_id: subject.id,
        author_id,
        action: 'block',
        findings: review.findings,
        text: null,
      });
  });

/** What the rules say of several texts at once. There is no queue for fields: `hold` refuses them. */
export const judge =
  (deps: Deps) =>
  async (texts: readonly FieldText[], about: About): Promise<Judgement> => {
    const reviewed = await reviewAll(deps, texts, about.author_id);
    const refused = reviewed.filter(({ review, scope }) => refuses(review, scope));
    if (refused.length > 0) await recordRefusals(deps, refused, about);
    const censored = reviewed.flatMap(({ field, review }) =>
      review.censored === undefined ? [] : [[field, review.censored] as const],
    );
    return { refused: refused.map(({ field }) => field), censored: Object.fromEntries(censored) };
  };

const detail = (field: string): ErrorDetail => ({
  field,
  message: 'Breaks the rules of the community',
});

/** The texts that are to be kept in other words, by field; refuses all that may not be, at once, by name. */
export const vet =
  (deps: Deps) =>
  async (texts: readonly FieldText[], about: About): Promise<Judgement['censored']> => {
    const { refused, censored } = await judge(deps)(texts, about);
    if (refused.length > 0) throw moderationErrors.contentBlocked({ details: refused.map(detail) });
    return censored;
  };
