import { describe, expect, it } from 'vitest';
import { testApp } from '#test/app.ts';
import { type Answer, form, http, rest } from '#test/calls.ts';
import { createTrack, createUser, createWav, setReady } from '#test/factories.ts';

const app = await testApp();
const user = await createUser(app);
const track = await createTrack(app, user);
await setReady(app, track.id);

type Body = string | Buffer;

/** The same body on both doors: REST takes it by PUT, tRPC as the input of the same procedure. */
const doors = {
  REST: (body: Body, headers: Record<string, string> = {}) =>
    rest(app, '/users/me', {
      method: 'PUT',
      token: user.token,
      body: Buffer.from(body),
      headers: { 'content-type': 'application/json', ...headers },
    }),
  tRPC: (body: Body, headers: Record<string, string> = {}) =>
    http(app, '/trpc/users.updateMe', {
      method: 'POST',
      token: user.token,
      body: Buffer.from(body),
      headers: { 'content-type': 'application/json', ...headers },
    }),
};
const both = Object.entries(doors).map(([door, send]) => ({ door, send }));

const codeOf = ({ json }: Answer): unknown =>
  json?.error?.code?.toString().startsWith('-') ? json.error.data.code : json?.error?.code;

const bioNow = async () => (await rest(app, '/users/me', { token: user.token })).json.data.bio;

describe.each(both)('a body over $door', ({ send }) => {
  const others = [
    'text/plain',
    'text/plain;charset=UTF-8',
    'application/x-www-form-urlencoded',
    'text/html',
    'text/xml',
    'application/xml',
    'application/octet-stream',
    'application/javascript',
    'text/json',
    'application/ld+json',
    'application/vnd.veza+json',
    'application/json-patch+json',
    'application/jsonp',
    'application/json5',
    'application',
    'json',
    '*/*',
    'application/*',
    '/',
    ';',
    'a/b',
    `text/${'x'.repeat(800)}`,
  ];

  it.each(others)('of type %s is refused', async (type) => {
    const answer = await send('{"bio":"x"}', { 'content-type': type });
    expect([400, 415]).toContain(answer.status);
  });

  const variants = [
    'application/json\t;a',
    'application/json ; charset=utf-8',
    ' application/json',
    'application/json;',
    'application/json garbage',
    'application/json, text/plain',
    'application/json; charset=utf-7',
    'application/json;charset="utf-8',
    'APPLICATION/JSON',
    'Application/Json; Charset=UTF-8',
    'application/json; boundary=x',
  ];

  it.each(variants)('does not slip past validation as %s', async (type) => {
    const answer = await send('{"bio":7}', { 'content-type': type });
    expect([400, 415]).toContain(answer.status);
  });

  it.each(['application/json', 'APPLICATION/JSON', 'application/json; charset=utf-8'])(
    'is read as %s',
    async (type) => {
      expect((await send('{"bio":"read"}', { 'content-type': type })).status).toBe(200);
    },
  );

  const malformed = [
    '{',
    '{"bio":"x",}',
    '{"bio":"x"}}',
    "{'bio':'x'}",
    '// {}',
    '{"bio":NaN}',
    'undefined',
    '\u0000',
    '{"bio":"\n"}',
  ];

  it.each(malformed)('that is no JSON is refused: %j', async (text) => {
    const answer = await send(text);
    expect([answer.status, codeOf(answer)]).toEqual([400, 'VALIDATION_ERROR']);
  });

  it.each(['null', '1', '"x"', 'true', '[]', '[{}]'])(
    'that is no object is refused: %s',
    async (text) => {
      const answer = await send(text);
      expect([answer.status, codeOf(answer)]).toEqual([400, 'VALIDATION_ERROR']);
    },
  );

  it.each(['c080', 'ff', 'eda080', 'f09f98', 'f5808080'])(
    'that is no UTF-8 is refused and not stored mangled: %s',
    async (hex) => {
      const before = await bioNow();
      const body = Buffer.concat([
        Buffer.from('{"bio":"a'),
        Buffer.from(hex, 'hex'),
        Buffer.from('b"}'),
      ]);
      const answer = await send(body);
      expect([answer.status, codeOf(answer)]).toEqual([400, 'VALIDATION_ERROR']);
      expect(await bioNow()).toBe(before);
    },
  );

  it.each(['\\u0000', '\\ud800', '\\udc00\\ud800'])(
    'with %s in a text is refused',
    async (text) => {
      const answer = await send(`{"bio":"${text}"}`);
      expect([answer.status, codeOf(answer)]).toEqual([400, 'VALIDATION_ERROR']);
    },
  );

  it('of text in any script is stored as written', async () => {
    const bio = ' <b>é</b>\u202e 😀 \\ % _ \' " $1 {{7*7}}\r\n';
    expect((await send(JSON.stringify({ bio }))).status).toBe(200);
    expect(await bioNow()).toBe(bio);
  });

  it('of more than 1 MiB is refused, of 1 MiB is read', async () => {
    const padded = (bytes: number) => '{"bio":"x"}'.padEnd(bytes, ' ');
    const answer = await send(padded(2 ** 20 + 1));
    expect([answer.status, codeOf(answer)]).toEqual([413, 'PAYLOAD_TOO_LARGE']);
    expect(answer.headers.connection).toBe('close');
    expect((await send(padded(2 ** 20))).status).toBe(200);
  });

  it.each([
    ['arrays', `{"bio":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
    ['objects', `${'{"bio":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    ['brackets that never close', '['.repeat(1_000_000)],
  ])('of %s in each other without end is refused', async (_name, text) => {
    const answer = await send(text);
    expect([answer.status, codeOf(answer)]).toEqual([400, 'VALIDATION_ERROR']);
  });

  it('of more members than any input has is refused, without a word to each', async () => {
    const members = Array.from({ length: 50_000 }, (_, n) => `"k${n}":1`);
    const answer = await send(`{${members.join(',')}}`);
    expect([answer.status, codeOf(answer)]).toEqual([400, 'VALIDATION_ERROR']);
    expect(answer.text.length).toBeLessThan(1000);
  });

  it('may hold any number of colons in its text', async () => {
    const bio = ':"'.repeat(1000);
    expect((await send(JSON.stringify({ bio }))).status).toBe(200);
    expect(await bioNow()).toBe(bio);
  });

  it('may hold any number of brackets in its text', async () => {
    const bio = '[{"\\'.repeat(400);
    expect((await send(JSON.stringify({ bio }))).status).toBe(200);
    expect(await bioNow()).toBe(bio);
  });

  it.each([
    '{"__proto__":{"polluted":1}}',
    '{"constructor":{"prototype":{"polluted":1}}}',
    '{"links":[{"label":"a","url":"https://a.example","__proto__":{"polluted":1}}]}',
    '{"\\u005f_proto__":{"polluted":1}}',
    '{"prototype":1}',
    '{"toString":1,"hasOwnProperty":1}',
  ])('reaches for no prototype: %s', async (text) => {
    const answer = await send(text);
    expect([answer.status, codeOf(answer)]).toEqual([400, 'VALIDATION_ERROR']);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('a REST body', () => {
  it('that is absent or empty is no body', async () => {
    const absent = await rest(app, '/users/me', { method: 'PUT', token: user.token });
    expect(absent.status).toBe(200);
    expect((await doors.REST('')).status).toBe(200);
  });

  it('is nobody’s to coerce', async () => {
    for (const body of [{ listened_seconds: '1' }, { listened_seconds: true }]) {
      const { status, json } = await rest(app, `/tracks/${track.id}/plays`, {
        method: 'POST',
        body,
      });
      expect(status).toBe(400);
      expect(json.error.details[0].field).toBe('listened_seconds');
    }
  });

  it('has every problem told at once, by dotted path', async () => {
    const { json } = await doors.REST(
      JSON.stringify({ bio: 1, links: [{ label: '', url: 'ftp://a' }], colour: 'red' }),
    );
    const fields = json.error.details.map(({ field }: { field: string }) => field);
    expect(new Set(fields)).toEqual(new Set(['bio', 'links.0.label', 'links.0.url', 'colour']));
  });

  it('with the name of a path parameter is refused', async () => {
    const { status, json } = await rest(app, `/tracks/${track.id}`, {
      method: 'PUT',
      token: user.token,
      body: { id: track.id, title: 'x' },
    });
    expect([status, json.error.details[0].field]).toEqual([400, 'id']);
  });

  it('on a DELETE is refused, not dropped', async () => {
    const { status, json } = await rest(app, `/tracks/${track.id}`, {
      method: 'DELETE',
      token: user.token,
      body: { force: true },
    });
    expect([status, json.error.details[0].field]).toEqual([400, 'force']);
  });

  it('that is nested too deeply holds no key of idempotency', async () => {
    const headers = { 'idempotency-key': 'deep' };
    const deep = `{"listened_seconds":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    const send = (body: Buffer) =>
      rest(app, `/tracks/${track.id}/plays`, {
        method: 'POST',
        token: user.token,
        body,
        headers: { 'content-type': 'application/json', ...headers },
      });
    expect((await send(Buffer.from(deep))).status).toBe(400);
    expect((await send(Buffer.from('{"listened_seconds":0}'))).status).toBe(200);
  });
});

describe('a form', () => {
  const upload = form({ content: createWav() });

  it('is what an upload takes, and nothing else', async () => {
    const call = { method: 'POST', token: user.token } as const;
    for (const body of [{}, undefined]) {
      const { status, json } = await rest(app, '/tracks', { ...call, body });
      expect([status, json.error.code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
    }
  });

  it('is not taken by other operations', async () => {
    const answer = await rest(app, '/users/me', { method: 'PUT', token: user.token, ...upload });
    expect(answer.status).toBe(415);
    const over = await http(app, '/trpc/users.updateMe', {
      method: 'POST',
      token: user.token,
      ...upload,
    });
    expect(over.status).toBe(415);
  });

  it('with a query beside it is refused', async () => {
    const { status, json } = await rest(app, '/tracks?title=x', {
      method: 'POST',
      token: user.token,
      ...upload,
    });
    expect([status, json.error.details[0].field]).toEqual([400, 'title']);
  });
});
