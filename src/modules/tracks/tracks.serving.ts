import { type Actor, type Member, type Origin, userIdOf } from '#kernel/actor.ts';
import { invalidFields } from '#kernel/errors.ts';
import { DAY_MS, type Track, trackErrors } from './track.ts';
import { get } from './tracks.library.ts';
import { bearerOf, recordPlay, type SignedAddress } from './tracks.listening.ts';
import type { Deps } from './tracks.ports.ts';

/** What a stream server knows of somebody who listens: the address that they came with, or who they are. */
export type Claim = { address: SignedAddress } | { actor: Actor; id: number };

export type StreamGrant = { track: Track; user_id: number; expires_at: string };

const expiryOf = ({ expires }: SignedAddress): string =>
  new Date(Number(expires) * 1000).toISOString();

/** Whether the bytes may be sent now, looked up each time: an address alone does not tell what became of its track. */
export const authorizeStream =
  (deps: Deps) =>
  async (claim: Claim): Promise<StreamGrant> => {
    if ('address' in claim) {
      const { address } = claim;
      const actor = await bearerOf(deps, address);
      const track = await get(deps)(actor, address.id);
      return { track, user_id: userIdOf(actor), expires_at: expiryOf(address) };
    }
    const { actor, id } = claim;
    const track = await get(deps)(actor, id);
    const user_id = userIdOf(actor);
    return { track, user_id, expires_at: deps.streamUrls.sign(id, user_id).expires_at };
  };

/** An address may have expired since: a play ends after it began. */
const listenerOf = async (
  { streamUrls, users }: Deps,
  address: SignedAddress,
): Promise<Member | { type: 'stranger' }> => {
  const user_id = streamUrls.verify(address, DAY_MS);
  if (user_id === undefined) throw trackErrors.streamUrlInvalid();
  if (user_id === 0) return { type: 'stranger' };
  const { username, role, state } = await users.me({ user_id });
  if (state === 'banned' || state === 'deleted') throw trackErrors.notFound();
  return { type: 'member', user_id, username, role, state, session_id: 0 };
};

type Playback = { listened_seconds: number; listener: Omit<Origin, 'request_id'> | undefined };

/** The same verb as for listeners who tell of themselves; strangers are told apart by what the server saw of them. */
export const reportPlayback =
  (deps: Deps) =>
  async (
    claim: Claim,
    { listened_seconds, listener }: Playback,
    { request_id }: Origin,
  ): Promise<{ counted: boolean; play_count: number }> => {
    const actor = 'address' in claim ? await listenerOf(deps, claim.address) : claim.actor;
    const id = 'address' in claim ? claim.address.id : claim.id;
    if (actor.type === 'member' && actor.state === 'suspended') throw trackErrors.suspended();
    if (actor.type === 'stranger' && !listener)
      throw invalidFields([{ field: 'listener', message: 'Is needed to tell strangers apart' }]);
    const origin = { ip_address: '', user_agent: '', ...listener, request_id };
    return recordPlay(deps)(actor, { id, listened_seconds }, origin);
  };
