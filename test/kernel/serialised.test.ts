import { expect, it } from 'vitest';
import { z } from 'zod';
import { envelope } from '#api/envelope.ts';
import { route } from '#kernel/route.ts';
import { asAnswer, serialise } from '#kernel/serialised.ts';

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
  const kept = asAnswer(
    read,
    serialise(read, { ...thing, secret: 'not in the contract' } as never),
  );
  const withoutTime = (text: string) => text.replace(/"timestamp":"[^"]+"/, '');
  expect(withoutTime(envelope(kept, 'req_1'))).toBe(withoutTime(envelope(thing, 'req_1')));
  expect(JSON.stringify(kept)).toBe(JSON.stringify(thing));
});

it('keeps the version that its entity tag is made of', () => {
  expect(serialise(read, thing).version).toBe(7);
});

it('what the contract does not allow is never kept', () => {
  expect(() => serialise(read, { ...thing, name: null as never })).toThrow('contract');
});
