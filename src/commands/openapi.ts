import { mkdir, writeFile } from 'node:fs/promises';
import { documentFile } from '#api/reference.ts';
import { describeApplication } from '../described.ts';

await mkdir(new URL('.', documentFile), { recursive: true });
await writeFile(documentFile, await describeApplication());
