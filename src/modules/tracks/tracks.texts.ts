import type { Changes, Deps } from './tracks.ports.ts';

type Author = { user_id: number; track_id: number | null };

const aboutOf = ({ user_id, track_id }: Author) => ({
  author_id: user_id,
  subject: { kind: 'track', id: track_id },
});

const labels = ['title', 'artist', 'album', 'genre', 'license', 'musical_key'] as const;

const labelsOf = (changes: Changes) =>
  labels.map((field) => ({ field, scope: 'title', text: changes[field] ?? '' }) as const);

/** What is said of a track as it may be kept: an insult in a label is refused, in the description it is starred out. */
export const vetted = async <C extends Changes>(
  { texts }: Pick<Deps, 'texts'>,
  author: Author,
  changes: C,
): Promise<C> => {
  const written = [
    ...labelsOf(changes),
    ...(changes.tags ?? []).map(
      (text, at) => ({ field: `tags.${at}`, scope: 'title', text }) as const,
    ),
    { field: 'description', scope: 'bio', text: changes.description ?? '' } as const,
  ];
  const { description } = await texts.vet(written, aboutOf(author));
  return description === undefined ? changes : { ...changes, description };
};

type Labels = { [L in 'title' | 'artist' | 'album' | 'genre']: string | null };

/** Labels that were found in a file, without those that may not be kept: nobody is there to be refused. */
export const withoutRefused = async <L extends Labels>(
  { texts }: Pick<Deps, 'texts'>,
  author: Author,
  found: L,
): Promise<L> => {
  const { title, artist, album, genre } = found;
  const { refused } = await texts.judge(
    labelsOf({ title: title ?? undefined, artist, album, genre }),
    aboutOf(author),
  );
  return { ...found, ...Object.fromEntries(refused.map((field) => [field, null])) };
};
