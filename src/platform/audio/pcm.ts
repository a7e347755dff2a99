export type PcmLayout = {
  channels: number;
  /** Of one sample of one channel. */
  sample_bytes: number;
  read: (samples: DataView, offset: number) => number;
};

/** Interleaved samples as one array a channel; what the stream's end leaves of a frame is dropped. */
export const pcmFrames = async function* (
  stream: AsyncIterable<Uint8Array>,
  { channels, sample_bytes, read }: PcmLayout,
): AsyncGenerator<Float32Array[]> {
  const frameBytes = channels * sample_bytes;
  let rest: Uint8Array = Buffer.alloc(0);
  for await (const chunk of stream) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const frames = Math.floor(bytes.length / frameBytes);
    rest = bytes.subarray(frames * frameBytes);
    const view = new DataView(bytes.buffer, bytes.byteOffset, frames * frameBytes);
    yield Array.from({ length: channels }, (_, channel) => {
      const samples = new Float32Array(frames);
      for (let frame = 0; frame < frames; frame++) {
        samples[frame] = read(view, frame * frameBytes + channel * sample_bytes);
      }
      return samples;
    });
  }
};
