import { openAsBlob, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { asRiff } from './riff.ts';
import { readTags, type TagsOutput } from './tags.ts';

// Run by `createAudioAnalysis`: arguments path and content type, the report on descriptor 1, the cover on 3.
setPriority(10);
const [path = '', type = ''] = process.argv.slice(2);
const { report, cover } = await readTags(await asRiff(await openAsBlob(path, { type })));
if (cover) writeFileSync(3, cover.bytes);
const output: TagsOutput = { report, cover_type: cover?.content_type };
writeFileSync(1, JSON.stringify(output));
process.exit(0);
