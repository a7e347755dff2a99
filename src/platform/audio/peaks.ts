export const peakCount = 800;

const fineCount = 16 * peakCount;

/**
 * Peaks of audio whose length is not known beforehand: fine buckets whose span doubles whenever
 * they are all used, so that memory stays the same and an edge is off by 1/8 of a peak at most.
 */
export const createPeaks = () => {
  const fine = new Float32Array(fineCount);
  let [used, span, filled, level] = [0, 1, 0, 0];

  const close = () => {
    fine[used++] = level;
    [filled, level] = [0, 0];
    if (used < fineCount) return;
    for (let i = 0; i < fineCount / 2; i++) fine[i] = loudest(fine, 2 * i, 2 * i + 2);
    used = fineCount / 2;
    span *= 2;
  };

  return {
    /** One array a channel, all as long as the first. */
    add(channels: readonly Float32Array[]): void {
      const frames = channels[0]?.length ?? 0;
      let from = 0;
      while (from < frames) {
        const to = Math.min(frames, from + span - filled);
        for (const channel of channels) level = Math.max(level, loudest(channel, from, to));
        filled += to - from;
        from = to;
        if (filled === span) close();
      }
    },

    /** 800 numbers from 0 to 1 in thousandths, or null when nothing was added. */
    finish(): number[] | null {
      if (filled > 0) close();
      if (used === 0) return null;
      return Array.from({ length: peakCount }, (_, peak) => {
        const from = Math.floor((peak * used) / peakCount);
        const to = Math.max(from + 1, Math.floor(((peak + 1) * used) / peakCount));
        return Math.round(Math.min(1, loudest(fine, from, to)) * 1000) / 1000;
      });
    },
  };
};

/** What is not a number is silence. */
const loudest = (samples: Float32Array, from: number, to: number): number => {
  let top = 0;
  for (let i = from; i < to; i++) {
    const level = Math.abs(samples[i] ?? 0);
    if (level > top) top = level;
  }
  return top;
};
