import { openAsBlob, writeFileSync } from 'node:fs';
import type { PeaksOutput } from './examination.ts';
import { decode } from './decode.ts';
import { createPeaks } from './peaks.ts';

// Run by `createAudioAnalysis`: arguments path and kind, the peaks as JSON on descriptor 1.
const [path = '', kind = ''] = process.argv.slice(2);
const peaks = createPeaks();
for await (const channels of await decode(await openAsBlob(path), kind)) peaks.add(channels);
const output: PeaksOutput = peaks.finish();
writeFileSync(1, JSON.stringify(output));
process.exit(0);
