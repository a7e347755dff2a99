import { Readable } from 'node:stream';
import { DomainError } from '#kernel/errors.ts';
import type { IncomingForm } from '#kernel/upload.ts';
import type { Member, Origin } from '#kernel/actor.ts';
import { withApplication } from './application.ts';
import { play, type Tune } from './seed-music.ts';

const PASSWORD = 'demo-of-veza!1';
const origin: Origin = { ip_address: '127.0.0.1', user_agent: 'veza seed', request_id: 'seed' };

type Song = { title: string; genre: string; tags: string[]; tune: Tune };
type Artist = { username: string; display_name: string; bio: string; songs: Song[] };

const artists: Artist[] = [
  {
    username: 'ana',
    display_name: 'Ana Ruiz',
    bio: 'Small melodies from Lyon.',
    songs: [
      {
        title: 'First light',
        genre: 'Ambient',
        tags: ['calm', 'morning'],
        tune: { key_hz: 261.63, beats_per_minute: 96, steps: [0, 4, 7, 11, 12, 11, 7, 4] },
      },
      {
        title: 'Night drive',
        genre: 'Synthwave',
        tags: ['synth', 'city'],
        tune: { key_hz: 220, beats_per_minute: 132, steps: [0, 0, 3, 7, 10, 7, 3, 5] },
      },
    ],
  },
  {
    username: 'moussa',
    display_name: 'Moussa D.',
    bio: 'Kora at heart, machines at hand.',
    songs: [
      {
        title: 'Harbour',
        genre: 'Folk',
        tags: ['strings', 'sea'],
        tune: { key_hz: 196, beats_per_minute: 108, steps: [0, 7, 12, 14, 16, 14, 12, 7, 9, 7] },
      },
      {
        title: 'Dust and copper',
        genre: 'Electronic',
        tags: ['groove'],
        tune: { key_hz: 146.83, beats_per_minute: 120, steps: [0, 3, 5, 6, 7, 10, 12, 10] },
      },
    ],
  },
  {
    username: 'lea',
    display_name: 'Léa',
    bio: 'Listens more than she plays.',
    songs: [
      {
        title: 'Stairwell',
        genre: 'Minimal',
        tags: ['piano', 'loop'],
        tune: { key_hz: 329.63, beats_per_minute: 84, steps: [0, 2, 4, 7, 9, 7, 4, 2] },
      },
    ],
  },
];

type App = Parameters<Parameters<typeof withApplication>[0]>[0];

/** Signs in; the first time there is an account to make. */
const enter = async ({ services }: App, { username }: Artist): Promise<Member> => {
  const account = { username, email: `${username}@example.com`, password: PASSWORD };
  const { user } = await services.auth.register(account, origin).catch((fault: unknown) => {
    if (fault instanceof DomainError && fault.kind === 'conflict')
      return services.auth.login({ username, password: PASSWORD }, origin);
    throw fault;
  });
  const { id: user_id, role, state } = user;
  return { type: 'member', user_id, username, role, state, session_id: 0 };
};

/** The bytes of a song as a form that has arrived. */
const formWith = <F>(content: Buffer, filename: string, fields: F): IncomingForm<F> => ({
  declared_bytes: content.length,
  async receive(sink) {
    const file = {
      field: 'file',
      filename,
      content_type: 'audio/wav',
      content: Readable.from([content]),
    };
    return { stored: await sink(file), fields };
  },
});

const publish = async (
  { services }: App,
  member: Member,
  { tune, ...song }: Song,
): Promise<boolean> => {
  const fields = { ...song, bpm: tune.beats_per_minute, is_downloadable: true };
  const form = formWith(play(tune), `${song.title}.wav`, fields);
  const { track, duplicate } = await services.tracks.upload(member, form, origin);
  const signal = AbortSignal.timeout(60_000);
  await services.tracks.process(track.id, signal);
  return !duplicate;
};

await withApplication(async (app) => {
  let songs = 0;
  for (const artist of artists) {
    const member = await enter(app, artist);
    const { display_name, bio } = artist;
    await app.services.users.updateMe(
      member,
      { display_name, bio },
      { origin, if_match: undefined },
    );
    for (const song of artist.songs) if (await publish(app, member, song)) songs += 1;
  }
  const names = artists.map(({ username }) => username).join(', ');
  console.log(`${songs} new tracks. Sign in as ${names} with the password ${PASSWORD}`);
});
