import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Makes `dist/client`, the package export for other programs: plain JavaScript, and the types of the contract. */

const root = join(import.meta.dirname, '../..');
const source = join(root, 'src/client');
const built = join(root, 'dist/client');
const LONGEST_MS = 60_000;

const compileDeclarations = async (): Promise<void> => {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const options = { timeout: LONGEST_MS };
  await promisify(execFile)(process.execPath, [compiler, '-p', source], options);
};

/** What is left of a module without its types imports its neighbours by the names they get here. */
const asJavaScript = (code: string): string =>
  stripTypeScriptTypes(code).replaceAll(/(from '\.\/[\w-]+)\.ts'/g, "$1.js'");

const writeJavaScript = async (): Promise<void> => {
  const names = (await readdir(source)).filter((name) => name.endsWith('.ts'));
  await mkdir(join(built, 'client'), { recursive: true });
  for (const name of names) {
    const code = await readFile(join(source, name), 'utf8');
    await writeFile(join(built, 'client', name.replace('.ts', '.js')), asJavaScript(code));
  }
};

/** `#kernel/*` leads to `src` here, and to declarations there. */
const declared = (imports: Record<string, string>): [string, string][] =>
  Object.entries(imports)
    .filter(([name, target]) => name.endsWith('/*') && target.startsWith('./src/'))
    .map(([name, target]) => [`${name}.ts`, `${target.replace('./src/', './')}.d.ts`]);

const writeManifest = async (): Promise<void> => {
  const manifest = await readFile(join(root, 'package.json'), 'utf8');
  const { imports } = JSON.parse(manifest) as { imports: Record<string, string> };
  const nested = { type: 'module', imports: Object.fromEntries(declared(imports)) };
  await writeFile(join(built, 'package.json'), `${JSON.stringify(nested, null, 2)}\n`);
};

await rm(built, { recursive: true, force: true });
await Promise.all([compileDeclarations(), writeJavaScript()]);
await writeManifest();
