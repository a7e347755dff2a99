import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPeaks, peakCount } from '#platform/audio/peaks.ts';

const peaksOf = (...chunks: (readonly Float32Array[])[]): number[] | null => {
  const peaks = createPeaks();
  for (const chunk of chunks) peaks.add(chunk);
  return peaks.finish();
};

describe('peaks', () => {
  it('are none without samples', () => {
    expect(peaksOf()).toBeNull();
    expect(peaksOf([], [new Float32Array(0)])).toBeNull();
  });

  it('are 800 of the loudest channel, from 0 to 1, for less sound than that too', () => {
    const peaks = peaksOf([Float32Array.of(0, 0.25), Float32Array.of(-0.12345, 7)]);
    expect(peaks).toHaveLength(peakCount);
    expect([peaks?.[0], peaks?.at(-1)]).toEqual([0.123, 1]);
  });

  it('take what is not a number for silence', () => {
    expect(Math.max(...(peaksOf([Float32Array.of(NaN, 0)]) ?? []))).toBe(0);
  });

  it('show a click where it is, whatever the length and the chunks', () => {
    const length = fc.integer({ min: 1, max: 400_000 });
    const at = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const chunk = fc.integer({ min: 500, max: 100_000 });
    fc.assert(
      fc.property(length, at, chunk, (length, at, chunk) => {
        const samples = new Float32Array(length);
        samples[Math.floor(at * length)] = -1;
        const chunks = Array.from({ length: Math.ceil(length / chunk) }, (_, i) => [
          samples.subarray(i * chunk, (i + 1) * chunk),
        ]);
        const loudest = (peaksOf(...chunks) ?? []).indexOf(1);
        expect(Math.abs(loudest - (Math.floor(at * length) / length) * peakCount)).toBeLessThan(2);
      }),
      { numRuns: 50 },
    );
  });
});
