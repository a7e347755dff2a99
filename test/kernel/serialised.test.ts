import { expect, it } from 'vitest';
import { z } from 'zod';
import { envelope } from '#api/envelope.ts';
import { route } from '#kernel/route.ts';
import { serialiser } from '#kernel/serialised.ts';

const read = route({
  method: 'GET',
  path: '/things/{id}',
  tag: 'things',
  summary: 'One thing',
  caller: 'anyone',
  version: ({ version }: { version: number }) => version,
  input: z.strictObject({ id: z.int() }),
  output: z.object({ id: z.int(), name: z.string(), version: z.int() }),
});

const thing = { id: 1, name: 'a "thing" \u2028', version: 7 };

it('what was serialised once is sent as it would be written now', () => {
  const write = serialiser(read, (value: typeof thing) => ({ ...value, secret: 'not shown' }));
  const withoutTime = (text: string) => text.replace(/"timestamp":"[^"]+"/, '');
  const kept = write(thing);
  expect(withoutTime(envelope(kept, 'req_1'))).toBe(withoutTime(envelope(thing, 'req_1')));
  expect(JSON.stringify(kept)).toBe(JSON.stringify(thing));
});

it('the same object is written once, another one again', () => {
  let times = 0;
  const write = serialiser(read, (value: typeof thing) => {
    times += 1;
    return value;
  });
  expect(write(thing)).toBe(write(thing));
  expect(times).toBe(1);
  expect(JSON.stringify(write({ ...thing, name: 'other' }))).toContain('other');
  expect(times).toBe(2);
});

it('keeps the version that its entity tag is made of', () => {
  const write = serialiser(read, (value: typeof thing) => value);
  expect(write(thing)).toMatchObject({ version: 7 });
});

it('what the contract does not allow is never kept', () => {
  const write = serialiser(read, () => ({ ...thing, name: null as never }));
  expect(() => write(thing)).toThrow('contract');
});
