import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const sources = join(import.meta.dirname, '../../src');

test('no two advisory locks share a number', () => {
  const numbers = globSync('**/*.ts', { cwd: sources }).flatMap((path) =>
    [...readFileSync(join(sources, path), 'utf8').matchAll(/LOCK = ([\d_]+);/g)].map(
      ([, number]) => number,
    ),
  );
  expect(numbers.length).toBeGreaterThan(3);
  expect(new Set(numbers).size).toBe(numbers.length);
});
