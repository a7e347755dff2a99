import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Makes `dist/client`, the package's exports for other programs: plain JavaScript, and the types of the contract.
 * `client` is for web applications, `grpc-client` for services; `proto` is what the latter sends.
 */

const root = join(import.meta.dirname, '../..');
const clients = ['client', 'grpc-client'];
const written = [...clients, 'proto'];
const built = join(root, 'dist/client');
const LONGEST_MS = 60_000;

const compileDeclarations = async (client: string): Promise<void> => {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const options = { timeout: LONGEST_MS };
  await promisify(execFile)(process.execPath, [compiler, '-p', join(root, 'src', client)], options);
};

/** What is left of a module without its types imports its neighbours by the names they get here. */
const asJavaScript = (code: string): string =>
  stripTypeScriptTypes(code).replaceAll(/(from (['"])\.{1,2}\/[\w./-]+)\.ts\2/g, '$1.js$2');

const writeJavaScript = async (folder: string): Promise<void> => {
  const source = join(root, 'src', folder);
  const names = await readdir(source, { recursive: true });
  for (const name of names.filter((each) => each.endsWith('.ts'))) {
    const target = join(built, folder, name.replace('.ts', '.js'));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, asJavaScript(await readFile(join(source, name), 'utf8')));
  }
};

type Leads = { types: string; default: string };

/** `#kernel/*` leads to `src` here, and there to declarations; `#proto/*` to what runs as well. */
const declared = (imports: Record<string, string>): [string, Leads][] =>
  Object.entries(imports)
    .filter(([name, target]) => name.endsWith('/*') && target.startsWith('./src/'))
    .map(([name, target]) => {
      const path = target.replace('./src/', './');
      return [`${name}.ts`, { types: `${path}.d.ts`, default: `${path}.js` }];
    });

const writeManifest = async (): Promise<void> => {
  const manifest = await readFile(join(root, 'package.json'), 'utf8');
  const { imports } = JSON.parse(manifest) as { imports: Record<string, string> };
  const nested = { type: 'module', imports: Object.fromEntries(declared(imports)) };
  await writeFile(join(built, 'package.json'), `${JSON.stringify(nested, null, 2)}\n`);
};

await rm(built, { recursive: true, force: true });
await Promise.all([...clients.map(compileDeclarations), ...written.map(writeJavaScript)]);
await writeManifest();
