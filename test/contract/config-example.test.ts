import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { ConfigError, EXAMPLE_SECRET, readConfig, variables } from '#config.ts';

const path = join(import.meta.dirname, '../../config.example.env');

const introduction = `# Every setting, with its default. Without any, the service runs on a PostgreSQL of its own and files in .data.
# As a .env file this one suits the services of docker-compose.yml:
#   cp config.example.env .env && docker compose up -d postgres redis && npm run dev
# The secrets below are published here: production refuses them. Others: openssl rand -base64 48`;

/** What differs from the default, so that the file can be used as it is. */
const given: Readonly<Record<string, string>> = {
  DATABASE_URL: 'postgresql://veza:veza@localhost:5432/veza',
  JWT_SECRET: EXAMPLE_SECRET,
  STREAM_SECRET: EXAMPLE_SECRET,
};

const defaultOf = ({ def }: z.ZodType): string =>
  'defaultValue' in def ? String(def.defaultValue) : '';

const setting = ([name, schema]: [string, z.ZodType]): string => {
  const line = name in given ? `${name}=${given[name]}` : `# ${name}=${defaultOf(schema)}`;
  return `# ${schema.description}\n${line}`;
};

const group = ([name, { shape }]: [string, z.ZodObject]): string =>
  [`## ${name}`, ...Object.entries(shape as Record<string, z.ZodType>).map(setting)].join('\n\n');

const example = (): string =>
  `${[introduction, ...Object.entries(variables).map(group)].join('\n\n')}\n`;

const readme = join(import.meta.dirname, '../../README.md');

const cell = (text: string): string => text.replaceAll('|', '\\|');

const row = ([name, schema]: [string, z.ZodType]): string => {
  const initial = defaultOf(schema);
  const shown = initial === '' ? '' : `\`${initial}\``;
  return `| \`${name}\` | ${shown} | ${cell(schema.description ?? '')} |`;
};

const table = (): string =>
  [
    '| variable | default | meaning |',
    '| --- | --- | --- |',
    ...Object.values(variables).flatMap(({ shape }) =>
      Object.entries(shape as Record<string, z.ZodType>).map(row),
    ),
  ].join('\n');

const settingsIn = async (uncomment: boolean) => {
  const text = await readFile(path, 'utf8');
  return parseEnv(uncomment ? text.replaceAll(/^# ([A-Z_]+=)/gm, '$1') : text);
};

test('the example describes every setting, and no other (`vitest -u` writes it)', async () => {
  await expect(example()).toMatchFileSnapshot(path);
});

test('the README describes every setting, and no other (`vitest -u` writes it)', async () => {
  const text = await readFile(readme, 'utf8');
  const [before = '', rest = ''] = text.split('<!-- configuration -->');
  const after = rest.slice(rest.indexOf('<!-- /configuration -->'));
  const expected = `${before}<!-- configuration -->\n\n${table()}\n\n${after}`;
  await expect(expected).toMatchFileSnapshot(readme);
});

test('the example is what it says when used as it is', async () => {
  const settings = await settingsIn(false);
  expect(settings).toEqual(given);
  expect(readConfig(settings)).toMatchObject({
    server: { ENVIRONMENT: 'development' },
    database: { DATABASE_URL: given['DATABASE_URL'] },
  });
});

test('the defaults it tells are those that hold', async () => {
  const written = readConfig(await settingsIn(true));
  expect(JSON.stringify(written)).toBe(JSON.stringify(readConfig(given)));
});

test('production refuses the secrets of the example', async () => {
  const settings = await settingsIn(false);
  const start = () =>
    readConfig({
      ...settings,
      ENVIRONMENT: 'production',
      STORAGE_URL: 'file:///srv/veza',
      GRPC_PORT: 'off',
    });
  expect(start).toThrow(ConfigError);
  expect(start).toThrow(/^JWT_SECRET .+\nSTREAM_SECRET .+$/);
});
