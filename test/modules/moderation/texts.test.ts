import { describe, expect, it } from 'vitest';
import { fieldsOf, newAccount, newName, refusalOf, register } from '#test/accounts.ts';
import { testApp } from '#test/app.ts';
import { type Answer, form, http, rest, trpc } from '#test/calls.ts';
import { createTrack, createUser, createWav, type TestUser } from '#test/factories.ts';
import { audio, keptBy, query, untilProcessed } from '#test/tracks.ts';

const app = await testApp();

type Send = (user: TestUser, body: Record<string, unknown>) => Promise<Answer>;
type Doors = { REST: Send; tRPC: Send };

const blocked = [422, 'CONTENT_BLOCKED'];
const dataOf = ({ json }: Answer) => json.data ?? json.result.data;

const profile: Doors = {
  REST: ({ token }, body) => rest(app, '/users/me', { method: 'PUT', token, body }),
  tRPC: ({ token }, input) => trpc(app, 'users.updateMe', { type: 'mutation', token, input }),
};

describe.each(['REST', 'tRPC'] as const)('a profile over %s', (door) => {
  const change = profile[door];

  it('refuses an insult in a name, and names every field at once', async () => {
    const user = await createUser(app);
    const links = [{ label: 'sh1t', url: 'https://example.com' }];
    const answer = await change(user, { display_name: 'Le c0nnard', bio: 'Salut', links });
    expect(refusalOf(answer)).toEqual(blocked);
    expect(fieldsOf(answer)).toEqual(['display_name', 'links.0.label']);
    const { json } = await rest(app, '/users/me', { token: user.token });
    expect(json.data).toMatchObject({ display_name: null, bio: null, links: [], version: 1 });
  });

  it('keeps a biography with stars for its insults', async () => {
    const user = await createUser(app);
    const answer = await change(user, { bio: 'Je fais de la m3rde, en retard' });
    expect(answer.status).toBe(200);
    expect(dataOf(answer).bio).toBe('Je fais de la *****, en retard');
  });

  it('keeps innocent texts as they were written', async () => {
    const user = await createUser(app);
    const body = { display_name: 'Dick Dale', bio: 'Né à Scunthorpe. Shiitake & “classe” 🎧' };
    expect(dataOf(await change(user, body))).toMatchObject(body);
  });

  it('refuses links that log addresses', async () => {
    const user = await createUser(app);
    const links = [{ label: 'Moi', url: 'https://grabify.link/x' }];
    const answer = await change(user, { bio: 'voir iplogger.org/2', links });
    expect(refusalOf(answer)).toEqual(blocked);
    expect(fieldsOf(answer)).toEqual(['bio', 'links.0.url']);
  });

  it('records what was refused and why, without the text', async () => {
    const user = await createUser(app);
    await change(user, { display_name: 'connard' });
    expect(
      await query(app, `select * from moderation_decisions where author_id = ${user.id}`),
    ).toMatchObject([
      {
        scope: 'name',
        subject_kind: 'user',
        action: 'block',
        state: 'decided',
        text: null,
        decided_by: null,
        findings: [
          expect.objectContaining({ rule_version: 1, start: 0, end: 7 }),
          expect.objectContaining({ rule_version: 1, start: 0, end: 7 }),
        ],
      },
    ]);
  });
});

describe('a registration', () => {
  const doors = {
    REST: (account: object) => register(app, account),
    tRPC: (input: object) => trpc(app, 'auth.register', { type: 'mutation', input }),
  };

  it.each(['REST', 'tRPC'] as const)('is refused over %s for its username', async (door) => {
    for (const name of ['connard', 'FuckYou99', `c0nnard`, 'xXsalopeXx']) {
      const answer = await doors[door]({ ...newAccount(), username: name });
      expect(refusalOf(answer)).toEqual(blocked);
      expect(fieldsOf(answer)).toEqual(['username']);
    }
  });

  it('is welcome with a name that only looks like an insult', async () => {
    for (const name of ['Scunthorpe', 'DickDale', 'assassin', 'Hancock', 'Salopette'])
      expect((await register(app, { ...newAccount(newName()), username: name })).status).toBe(201);
  });
});

const update: Doors = {
  REST: ({ token }, { id, ...body }) => rest(app, `/tracks/${id}`, { method: 'PUT', token, body }),
  tRPC: ({ token }, input) => trpc(app, 'tracks.update', { type: 'mutation', token, input }),
};

describe.each(['REST', 'tRPC'] as const)('a track over %s', (door) => {
  it('refuses an insult in what it is called, and keeps it starred in its description', async () => {
    const owner = await createUser(app);
    const { id } = await createTrack(app, owner);
    const insulting = {
      title: 'Gros con',
      artist: 'L’enculé',
      album: 's h i t',
      tags: ['lofi', 'salope'],
      genre: 'Hardcore',
    };
    const answer = await update[door](owner, { id, ...insulting });
    expect(refusalOf(answer)).toEqual(blocked);
    expect(fieldsOf(answer)).toEqual(['album', 'artist', 'tags.1', 'title']);
    const changed = await update[door](owner, { id, title: 'Moby Dick', description: 'Oh merde.' });
    expect(dataOf(changed)).toMatchObject({ title: 'Moby Dick', description: 'Oh *****.' });
  });

  it('leaves nothing behind of an upload that is refused', async () => {
    const owner = await createUser(app);
    const before = await keptBy(app);
    const body = form({ content: createWav() }, { title: 'Ta gueule' });
    const send = { token: owner.token, method: 'POST', ...body } as const;
    const answer = await (door === 'REST'
      ? rest(app, '/tracks', send)
      : http(app, '/trpc/tracks.upload', send));
    expect(refusalOf(answer)).toEqual(blocked);
    expect(fieldsOf(answer)).toEqual(['title']);
    expect(await keptBy(app)).toEqual(before);
  });
});

describe('an upload', () => {
  it('is refused for the name of its file, when that would be its title', async () => {
    const owner = await createUser(app);
    const upload = form({ content: createWav(), filename: 'sale_con.wav' });
    const answer = await rest(app, '/tracks', { method: 'POST', token: owner.token, ...upload });
    expect(refusalOf(answer)).toEqual(blocked);
  });
});

describe('what a file says of itself', () => {
  /** ID3v2.3 with one text frame each, before whatever follows. */
  const tagged = (frames: Record<string, string>, audio: Buffer): Buffer => {
    const body = Buffer.concat(
      Object.entries(frames).map(([name, text]) => {
        const content = Buffer.from(`\u0000${text}`, 'latin1');
        const head = Buffer.alloc(10);
        head.write(name, 0, 'latin1');
        head.writeUInt32BE(content.length, 4);
        return Buffer.concat([head, content]);
      }),
    );
    const head = Buffer.from('ID3\u0003\u0000\u0000', 'latin1');
    const size = Buffer.from([0, 0, body.length >> 7, body.length & 127]);
    return Buffer.concat([head, size, body, audio]);
  };

  it('is left out where it may not be shown', async () => {
    const owner = await createUser(app);
    const mp3 = await audio('tone.mp3');
    const frames = { TIT2: 'Sale connard', TPE1: 'Dick Dale', TALB: 'sh1t' };
    const start =
      mp3.subarray(0, 3).toString() === 'ID3' ? 10 + ((mp3[8] ?? 0) << 7) + (mp3[9] ?? 0) : 0;
    const content = tagged(frames, mp3.subarray(start));
    const upload = form({ content, filename: 'tone.mp3' });
    const { json } = await rest(app, '/tracks', {
      method: 'POST',
      token: owner.token,
      ...upload,
    });
    await app.services.tracks.process(json.data.id, new AbortController().signal);
    expect(await untilProcessed(app, owner, json.data.id)).toMatchObject({
      status: 'ready',
      title: 'tone',
      artist: 'Dick Dale',
      album: null,
    });
  });
});
