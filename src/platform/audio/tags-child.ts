import { openAsBlob, writeFileSync } from 'node:fs';
import type { TagsOutput } from './examination.ts';
import { asRiff } from './riff.ts';
import { readTags } from './tags.ts';

// Run by `createAudioAnalysis`: arguments path and content type, the tags as JSON on descriptor 1, the cover on 3.
const [path = '', type = ''] = process.argv.slice(2);
const read = await readTags(await asRiff(await openAsBlob(path, { type })));
if (read?.cover) writeFileSync(3, read.cover.bytes);
const output: TagsOutput = read
  ? { ...read.tags, cover_type: read.cover?.content_type ?? null }
  : null;
writeFileSync(1, JSON.stringify(output));
process.exit(0);
