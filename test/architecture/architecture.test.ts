import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cruise, type ICruiseResult, type IRegularForbiddenRuleType } from 'dependency-cruiser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rules } from './rules.ts';

const repository = join(import.meta.dirname, '../..');
let folder: string;

const sourcesIn = async (root: string): Promise<string[]> => {
  const found = await readdir(join(root, 'src'), { recursive: true });
  return found.filter((name) => name.endsWith('.ts')).map((name) => `src/${name}`);
};

/** What reads the imports stumbles over `using`, which is a `const` to them. */
const withoutUsing = (code: string): string =>
  code.replaceAll(/\b(?:await )?using (\w+ =)/g, 'const $1');

const copySources = async (): Promise<void> => {
  await cp(join(repository, 'src'), join(folder, 'src'), { recursive: true });
  await cp(join(repository, 'package.json'), join(folder, 'package.json'));
  await symlink(join(repository, 'node_modules'), join(folder, 'node_modules'));
  for (const path of await sourcesIn(folder)) {
    const code = await readFile(join(folder, path), 'utf8');
    await writeFile(join(folder, path), withoutUsing(code));
  }
};

const cruiseSources = async (): Promise<ICruiseResult> => {
  const forbidden: IRegularForbiddenRuleType[] = rules.map(({ name, from, to }) => ({
    name,
    from,
    to,
    severity: 'error',
  }));
  const { output } = await cruise(['src'], {
    baseDir: folder,
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    validate: true,
    ruleSet: { forbidden },
    enhancedResolveOptions: {
      conditionNames: ['import', 'node', 'default'],
      exportsFields: ['exports'],
    },
  });
  return output as ICruiseResult;
};

const brokenIn = ({ summary }: ICruiseResult): string[] =>
  summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'veza-architecture-'));
  await copySources();
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('architecture', () => {
  test('every module keeps every rule', async () => {
    const result = await cruiseSources();
    const cruised = result.modules
      .map(({ source }) => source)
      .filter((path) => path.startsWith('src/'));
    expect(cruised.toSorted()).toEqual((await sourcesIn(repository)).toSorted());
    expect(cruised.length).toBeGreaterThan(150);
    expect(brokenIn(result)).toEqual([]);
  });

  test('every rule catches who breaks it', async () => {
    for (const { planted } of rules) {
      await writeFile(join(folder, planted.path), planted.code);
      if (planted.beside) await writeFile(join(folder, planted.beside.path), planted.beside.code);
    }
    const broken = new Set(brokenIn(await cruiseSources()));
    expect(broken).toEqual(new Set(rules.map(({ name, planted }) => `${name}: ${planted.path}`)));
  });
});
