import type { Member } from '#kernel/actor.ts';
import type { ChatStores, Deps, Reviewed } from './chat.ports.ts';
import { mentionsIn, messageErrors } from './message.ts';

/** Written in the place of a user where the rules themselves act. */
export const AUTOMATIC = 0;

/** Nobody is there yet to look at what is held back: it is refused. */
const refuses = ({ action }: Reviewed): boolean =>
  ['hold', 'block', 'mute', 'ban'].includes(action);

type Written = { room_id: number; actor: Member; review: Reviewed };

/** What stands against the author takes effect in this room; owners are left to the platform. */
const applyStanding = async (
  { rooms, members, events, moderation }: ChatStores,
  { room_id, actor, review }: Written,
  at: string,
): Promise<void> => {
  const { user_id, username } = actor;
  const { action, until } = await moderation.strike(user_id, review.action);
  const member = await members.findOne(room_id, user_id);
  if (!(await rooms.lockOneById(room_id)) || !member || member.role === 'owner') return;
  const isMuted = action === 'mute' && until !== null && member.muted_until !== until;
  if (!isMuted && action !== 'ban') return;
  if (isMuted) await members.setMutedUntil(room_id, user_id, until);
  else await members.setState(room_id, user_id, 'banned');
  const data = { user_id, username, by: AUTOMATIC, action, until };
  await events.append(room_id, [{ type: 'moderation', user_id: AUTOMATIC, data }], at);
};

const record = ({ inTransaction, now }: Deps, written: Written): Promise<void> =>
  inTransaction(async (stores) => {
    const { actor, review } = written;
    await stores.moderation.record({
      scope: 'message',
      subject_kind: 'room',
      subject_id: written.room_id,
      author_id: actor.user_id,
      action: review.action === 'hold' ? 'block' : review.action,
      findings: review.findings,
      text: null,
    });
    await applyStanding(stores, written, now().toISOString());
  });

/**
 * What may be said: the text itself, or what the rules leave of it. Whatever they find is recorded with its
 * reasons, and counts against the author.
 */
export const moderate = async (
  deps: Deps,
  actor: Member,
  { id: room_id, content }: { id: number; content: string },
): Promise<string> => {
  const review = await deps.moderation.review({
    text: content,
    scope: 'message',
    author_id: actor.user_id,
    room_id,
    mentions: mentionsIn(content).length,
  });
  if (review.action === 'allow') return content;
  await record(deps, { room_id, actor, review });
  if (!refuses(review)) return review.censored ?? content;
  const message = review.findings.map(({ rule_name }) => rule_name).join(', ');
  throw messageErrors.blocked({ details: [{ field: 'content', message }] });
};
